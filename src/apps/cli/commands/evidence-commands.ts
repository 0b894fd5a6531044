import type { Command } from 'commander';

import type { VerifyOptions } from '../actions/verify.ts';
import type { DataFormat } from '../data-format.ts';
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

  const replay = program
    .command('replay')
    .summary('decide a recorded rollout again and compare')
    .description(
      'Runs the recorded events of a rollout, samples and all, through the decider again and compares each decision with the one in the ledger. Exit code 0: all are the same, byte for byte, 1: one differs.',
    )
    .argument('<rollout>', 'id of a rollout: its service and number')
    .addOption(outputOption(['json', 'yaml']))
    .action((rollout: string, options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/replay.ts')).replay(session, rollout, options),
      ),
    );
  withExamples(replay, 'tidegate replay checkout-2');
}
