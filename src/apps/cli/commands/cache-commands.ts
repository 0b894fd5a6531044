import type { Command } from 'commander';

import type { CachePurgeOptions } from '../actions/cache.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addCacheCommands(program: Command, frame: Frame): void {
  const cache = program
    .command('cache')
    .summary('answers that the gateway has stored')
    .description('What the gateway keeps of the answers of a service with "cache" in its file.');
  const purge = cache
    .command('purge')
    .summary('remove stored answers')
    .description(
      'Removes stored answers of a service in every process of the gateway before it returns, and records it. What is fetched from then on is stored anew.',
    )
    .argument('<service>', 'name of a service')
    .option('--tag <tag>', 'those with this tag')
    .option('--path <path>', 'those to this path; with all below it, if it ends with *')
    .option('--all', 'all of them')
    .requiredOption('--reason <text>', 'why; recorded in the ledger')
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, options: CachePurgeOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/cache.ts')).purgeCache(session, service, options),
      ),
    );
  withExamples(
    purge,
    'tidegate cache purge shop --tag product-7 --reason "its price was wrong"',
    'tidegate cache purge shop --path "/images/*" --reason "new pictures"',
  );
}
