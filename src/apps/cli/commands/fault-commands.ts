import { type Command, Option } from 'commander';

import type { FaultAddOptions, FaultListOptions } from '../actions/fault.ts';
import { parseDurationMs, parseRatio } from '../duration.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addFaultCommands(program: Command, frame: Frame): void {
  const fault = program
    .command('fault')
    .summary('make trouble on purpose, for a drill')
    .description(
      'Injects delays, refusals and resets into the requests of one service. Each ends by itself, in the gateway, whatever else has stopped; each is an entry of the ledger.',
    );
  addAdd(fault, frame);
  addList(fault, frame);
  addRemove(fault, frame);
}

function addAdd(fault: Command, frame: Frame): void {
  const add = fault
    .command('add')
    .summary('begin one')
    .description(
      'Begins a fault. Requests that it meets are counted apart and are no evidence about a revision, unless --evidence says so.',
    )
    .argument('<service>', 'name of a service')
    .addOption(duration('--delay <duration>', 'hold requests up, at most 60s'))
    .option('--abort <what>', 'a status from 400 to 599, or reset')
    .addOption(
      new Option('--percent <ratio>', 'of the requests that fit')
        .argParser(parseRatio)
        .default(0.1, '10%'),
    )
    .addOption(duration('--for <duration>', 'until it ends, 1s to 1h').default(60_000, '60s'))
    .option('--revision <id>', 'only requests to it; id or version')
    .option('--instance <id>', 'only requests to it')
    .option('--rule <name>', "only requests that this rule of the service's file has")
    .option('--path <path>', 'only this path; with all below it, if it ends with /*')
    .option('--method <method>', 'only this method')
    .addOption(
      new Option('--header <name=value>', 'only with this header; may be repeated').argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option(
      '--evidence',
      'count them as if the revision had failed so; needs --revision or --instance',
    )
    .requiredOption('--reason <text>', 'why; recorded in the ledger')
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, options: FaultAddOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/fault.ts')).addFault(session, service, options),
      ),
    );
  withExamples(
    add,
    'tidegate fault add payments --delay 800ms --reason "does checkout time out?"',
    'tidegate fault add payments --abort 503 --percent 50% --for 5m --reason drill',
    'tidegate fault add checkout --abort reset --header x-drill=yes --reason "my own requests"',
  );
}

function addList(fault: Command, frame: Frame): void {
  const list = fault
    .command('list')
    .summary('what is in force')
    .description('Lists the faults that are in force.')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: FaultListOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/fault.ts')).listFaults(session, options),
      ),
    );
  withExamples(list, 'tidegate fault list');
}

function addRemove(fault: Command, frame: Frame): void {
  const remove = fault
    .command('remove')
    .summary('end one before its time')
    .description('Ends a fault before its time.')
    .argument('<id>', 'as `fault list` names it')
    .requiredOption('--reason <text>', 'why; recorded in the ledger')
    .action((id: string, options: { readonly reason: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/fault.ts')).removeFault(session, id, options),
      ),
    );
  withExamples(remove, 'tidegate fault remove payments-fault-1 --reason "seen enough"');
}

function duration(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseDurationMs);
}
