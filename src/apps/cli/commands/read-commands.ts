import { Argument, type Command, Option } from 'commander';

import type { CdEventsOptions } from '../actions/cd-events.ts';
import type { EventsOptions, LogsOptions } from '../actions/follow.ts';
import type { GetOptions, Resource } from '../actions/get.ts';
import type { StatusOptions } from '../actions/status.ts';
import type { DataFormat } from '../data-format.ts';
import { parseCount } from '../duration.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

const resources: Readonly<Record<string, Resource>> = {
  services: 'services',
  service: 'services',
  svc: 'services',
  rollouts: 'rollouts',
  rollout: 'rollouts',
  ro: 'rollouts',
  instances: 'instances',
  instance: 'instances',
  events: 'events',
  event: 'events',
  ev: 'events',
  flags: 'flags',
  flag: 'flags',
};

type EventsCommandOptions = Omit<EventsOptions & CdEventsOptions, 'service'> & {
  readonly format?: 'cdevents';
};

export function addReadCommands(program: Command, frame: Frame): void {
  addStatus(program, frame);
  addGet(program, frame);
  addDescribeAndDelete(program, frame);
  addLogs(program, frame);
  addEvents(program, frame);
}

function addStatus(program: Command, frame: Frame): void {
  const status = program
    .command('status')
    .summary('show everything in one tree')
    .description(
      'Shows the server, every service after what it needs, its revisions with wanted and measured share, its instances, and one sentence on where it is and why. Of one service alone: tidegate describe.',
    )
    .option('-w, --watch', 'repaint in a terminal; else print one line per change')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: StatusOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/status.ts')).status(session, options),
      ),
    );
  withExamples(status, 'tidegate status', 'tidegate status --watch');
}

function addGet(program: Command, frame: Frame): void {
  const get = program
    .command('get')
    .summary('list services, rollouts, instances, events or flags')
    .description('Lists one kind of thing; with a name, what belongs to that service.')
    .addArgument(
      new Argument(
        '<resource>',
        'services (svc), rollouts (ro), instances, events (ev), flags',
      ).choices(Object.keys(resources)),
    )
    .argument('[service]', 'name of a service')
    .addOption(outputOption(['json', 'yaml', 'wide', 'name']))
    .option('--no-headers', 'leave out the line with the names of the columns')
    .option('-w, --watch', 'go on, and print each row again that changes')
    .action((word: string, name: string | undefined, options: GetOptions) =>
      frame.perform(async (session) => {
        const resource = resources[word] ?? 'services';
        const { get } = await import('../actions/get.ts');
        return get(session, { resource, name: name ?? null }, options);
      }),
    );
  withExamples(
    get,
    'tidegate get services -o wide',
    'tidegate get rollouts checkout',
    'tidegate get instances --watch',
    'tidegate get events -o json',
    'tidegate get flags checkout',
  );
}

function addDescribeAndDelete(program: Command, frame: Frame): void {
  const describe = program
    .command('describe')
    .summary('show one service in full')
    .description(
      'Shows what is set for a service, how it stands, how each step of its newest rollout went, and each metric of its gate: counts, interval, evidence and limit, share of the budget.',
    )
    .argument('<service>', 'name of a service')
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/operate.ts')).describe(session, service, options),
      ),
    );
  withExamples(describe, 'tidegate describe checkout', 'tidegate describe checkout -o json');

  const remove = program
    .command('delete')
    .summary('stop a service and forget it')
    .description('Stops a service and takes it off the gateway. Its entries in the ledger stay.')
    .argument('<service>', 'name of a service')
    .addOption(reasonOption())
    .action((service: string, { reason }: { reason?: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/operate.ts')).operate(session, service, {
          action: 'delete',
          reason,
        }),
      ),
    );
  withExamples(remove, 'tidegate delete checkout --reason "moved to another machine"');
}

function addLogs(program: Command, frame: Frame): void {
  const logs = program
    .command('logs')
    .summary('print what the instances of a service logged')
    .description(
      'Prints what the instances of a service wrote to standard output and error, also those that ended.',
    )
    .argument('<service>', 'name of a service')
    .option('-f, --follow', 'go on with what comes')
    .addOption(new Option('--tail <lines>', 'only the last lines').argParser(parseCount))
    .option('--revision <id>', 'only instances of this revision')
    .option('--instance <id>', 'only this instance')
    .action((service: string, options: LogsOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/follow.ts')).logs(session, service, options),
      ),
    );
  withExamples(logs, 'tidegate logs checkout -f --tail 20');
}

function addEvents(program: Command, frame: Frame): void {
  const events = program
    .command('events')
    .summary('print what happened and why')
    .description('Prints the entries of the ledger as sentences.')
    .argument('[service]', 'name of a service')
    .option('-f, --follow', 'go on with what comes')
    .addOption(new Option('--from <index>', 'start at this entry').argParser(parseCount))
    .addOption(outputOption(['json']))
    .addOption(
      new Option(
        '--format <format>',
        'cdevents: deployments, ways back and alerts as CloudEvents (cdevents.dev 0.4.1), one a line',
      ).choices(['cdevents']),
    )
    .option('--environment <name>', 'with cdevents: where the services run (default: local)')
    .option('--ledger <file>', 'with cdevents: read an exported ledger, without a server')
    .action((service: string | undefined, options: EventsCommandOptions) =>
      frame.perform(async (session) => {
        const all = { ...options, ...(service !== undefined && { service }) };
        if (options.format === 'cdevents') {
          return (await import('../actions/cd-events.ts')).cdEvents(session, all);
        }
        return (await import('../actions/follow.ts')).events(session, all);
      }),
    );
  withExamples(
    events,
    'tidegate events checkout',
    'tidegate events -f',
    'tidegate events --format cdevents --from 100',
  );
}
