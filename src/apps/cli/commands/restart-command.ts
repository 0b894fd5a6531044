import type { Command } from 'commander';

import type { RestartOptions } from '../actions/restart.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, timeoutOption, withExamples } from './command-parts.ts';

export function addRestartCommand(program: Command, frame: Frame): void {
  const restart = program
    .command('restart')
    .summary('replace the instances of a service, one at a time')
    .description(
      'Replaces each instance of the stable revision by a new one: the new one is ready before the old one goes, and no request is lost. Exit code 0: all are replaced, 1: it was given up and the old ones that are left stay, 5: the time is over.',
    )
    .argument('<service>', 'name of a service')
    .option('--no-wait', 'only begin it; status shows how far it is')
    .addOption(timeoutOption('how long to wait at most (default: no limit)'))
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, options: RestartOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/restart.ts')).restart(session, service, options),
      ),
    );
  withExamples(
    restart,
    'tidegate restart checkout --reason "new certificates"',
    'tidegate restart checkout --timeout 10m --output json',
  );
}
