import { type Command, Option } from 'commander';

import { parsePositive } from '../duration.ts';
import type { Frame } from '../program.ts';
import type { ReportOptions } from '../report/report.ts';
import { withExamples } from './command-parts.ts';

const formats = ['json', 'markdown', 'html'];

export function addReportCommands(program: Command, frame: Frame): void {
  const report = program
    .command('report')
    .summary('write how rollouts went, for people and programs')
    .description(
      'Verifies the ledger, then writes how its rollouts went: the exit criteria with what was measured for each, every rollout with its steps, evidence and entries, and what fixed thresholds would have cost. Exit code 1: a criterion is not met.',
    )
    .argument('[name]', 'a rollout, or a service (default: all)')
    .addOption(
      new Option('-o, --output <format>', 'how to write it').choices(formats).default('markdown'),
    )
    .option('--save <path>', 'write it to this file')
    .option('--ledger <file>', 'read an exported ledger, without a server')
    .option('--commit <id>', 'commit it belongs to (default: the one of the current folder)')
    .action((name: string | undefined, options: Omit<ReportOptions, 'version'>) =>
      frame.perform(async (session) =>
        (await import('../report/report.ts')).report(session, name ?? null, {
          ...options,
          version: frame.version,
        }),
      ),
    );
  withExamples(
    report,
    'tidegate report checkout',
    'tidegate report -o html --save report.html',
    'tidegate report checkout-1 -o json',
  );

  const demo = program
    .command('demo')
    .summary('see three releases of a small shop, start to end')
    .description(
      'Starts a server and the shop of examples/shop in ./out/demo, sends it requests, and releases three versions: one is promoted, although the server is killed in the middle of it, and two bad ones are taken back. Ends by itself in about a minute, with a report in ./out/demo.',
    )
    .addOption(
      new Option('--rps <number>', 'requests per second').argParser(parsePositive).default(800),
    )
    .action((options: { readonly rps: number }) =>
      frame.perform(async (session) =>
        (await import('../demo/demo.ts')).demo(session, { ...options, version: frame.version }),
      ),
    );
  withExamples(demo, 'tidegate demo', 'tidegate demo --rps 200');
}
