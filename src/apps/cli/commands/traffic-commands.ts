import { type Command, Option } from 'commander';

import type { LoadCommandOptions } from '../actions/load.ts';
import { parseCount, parseDurationMs, parsePositive, parseRatio } from '../duration.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

const defaults = { rps: 100, durationMs: 10_000, connections: 50 };

export function addTrafficCommands(program: Command, frame: Frame): void {
  const load = program
    .command('load')
    .summary('send requests at a fixed rate and measure')
    .description(
      'Sends requests at a fixed rate, whether answers come or not (open loop), and prints how many failed and how long they took, counted from when each should have gone out. Exit code 99: a threshold failed, or the measurement is invalid.',
    )
    .argument('[url]', 'where to; or name a service with --service')
    .option('--service <name>', 'send through the gateway to this service')
    .option('--path <path>', 'with --service: path and query', '/')
    .addOption(number('--rps <number>', 'requests per second').default(defaults.rps))
    .addOption(
      new Option('--duration <duration>', 'how long')
        .argParser(parseDurationMs)
        .default(defaults.durationMs, '10s'),
    )
    .addOption(
      new Option('--connections <count>', 'connections at most')
        .argParser(parseCount)
        .default(defaults.connections),
    )
    .addOption(
      new Option('--max-errors <ratio>', 'threshold: share of failed requests').argParser(
        parseRatio,
      ),
    )
    .addOption(
      new Option('--max-p99 <duration>', 'threshold: latency of 99 % of the requests').argParser(
        parseDurationMs,
      ),
    )
    .option(
      '--record',
      'with --service: keep the result beside the ledger, and an entry with its digest and figures',
    )
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((url: string | undefined, options: LoadCommandOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/load.ts')).load(session, url ?? null, options),
      ),
    );
  withExamples(
    load,
    'tidegate load --service web --rps 800 --duration 30s --max-errors 0.1%',
    'tidegate load --service web --rps 800 --duration 5m --record --reason "before the sale"',
    'tidegate load http://127.0.0.1:8080/ --rps 50',
  );
}

function number(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parsePositive);
}
