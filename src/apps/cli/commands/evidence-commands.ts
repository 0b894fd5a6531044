import type { Command } from 'commander';

import type { VerifyOptions } from '../actions/verify.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addEvidenceCommands(program: Command, frame: Frame): void {
  const verify = program
    .command('verify')
    .summary('check an exported ledger, without a server')
    .description(
      'Checks every entry of an exported ledger: the chain of hashes and each signature. Without a file, the ledger is fetched from the server first.',
    )
    .argument('[file]', 'exported ledger')
    .option('--key <id>', 'id of the key that must have signed it')
    .option('--save <path>', 'keep what was fetched from the server in this file')
    .addOption(outputOption(['json', 'yaml']))
    .action((file: string | undefined, options: VerifyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/verify.ts')).verify(session, file ?? null, options),
      ),
    );
  withExamples(verify, 'tidegate verify --save ledger.jsonl', 'tidegate verify ledger.jsonl');
}
