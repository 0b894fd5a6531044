import { type Command, Option } from 'commander';

import type { ApplyOptions } from '../actions/apply.ts';
import type { EstimateOptions } from '../actions/estimate.ts';
import { parsePositive, parseRatio } from '../duration.ts';
import type { Frame } from '../program.ts';
import {
  fileOption,
  optionalFileOption,
  outputOption,
  reasonOption,
  timeoutOption,
  withExamples,
} from './command-parts.ts';

export function addReleaseCommands(program: Command, frame: Frame): void {
  addApply(program, frame);
  addDiff(program, frame);
  addEstimate(program, frame);
}

function addApply(program: Command, frame: Frame): void {
  const apply = program
    .command('apply')
    .summary('make the services be as release files say')
    .description(
      'Sends release files to the server. A service whose revision is new gets a rollout; one that is unchanged stays untouched.',
    )
    .addOption(fileOption())
    .option('--dry-run', 'only say what would happen')
    .option('--wait', 'wait for the end of the rollouts, as rollout status does')
    .addOption(timeoutOption('with --wait: how long at most (default: no limit)'))
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((options: ApplyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/apply.ts')).apply(session, options),
      ),
    );
  withExamples(
    apply,
    'tidegate apply -f release.yaml --wait --timeout 10m',
    'tidegate apply -f services/ --dry-run',
    'cat release.yaml | tidegate apply -f -',
  );
}

function addDiff(program: Command, frame: Frame): void {
  const diff = program
    .command('diff')
    .summary('show what an apply would change')
    .description(
      'Compares release files with what is applied. Exit code 0: the same, 1: something differs, 2: could not compare.',
    )
    .addOption(fileOption())
    .action((options: ApplyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/apply.ts')).diff(session, options),
      ),
    );
  withExamples(diff, 'tidegate diff -f release.yaml');
}

function addEstimate(program: Command, frame: Frame): void {
  const estimate = program
    .command('estimate')
    .summary('say how many requests and how long a verdict takes')
    .description(
      'Before a rollout, with -f: how many requests each step needs for a verdict and how long that takes, how soon a bad candidate is noticed, or that a verdict cannot be had. During a rollout, with the name of its service or its id: what is still missing, from the evidence gathered so far. Times are those that half of all releases need; what cannot be known is said.',
    )
    .argument('[service]', 'a service with a rollout under way, or the id of the rollout')
    .addOption(optionalFileOption())
    .addOption(
      new Option('--rps <number>', 'requests per second (default: as measured)').argParser(
        parsePositive,
      ),
    )
    .addOption(
      new Option(
        '--base-errors <ratio>',
        'share of requests that fail anyway: 0.005 or 0.5% (default: as measured)',
      ).argParser(parseRatio),
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string | undefined, options: EstimateOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/estimate.ts')).estimate(session, service ?? null, options),
      ),
    );
  withExamples(
    estimate,
    'tidegate estimate -f release.yaml --rps 800 --base-errors 0.1%',
    'tidegate estimate checkout',
  );
}
