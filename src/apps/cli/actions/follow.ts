import { eventListSchema, eventSchema, type EventView, logLineSchema } from '../../../api/wire.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { stillAway } from '../poll.ts';
import { print, say, type Session } from '../session.ts';
import { eventLine, logLine } from '../views/event-line.ts';
import { setTimeout as sleep } from 'node:timers/promises';

const reconnectMs = 500;

export interface EventsOptions {
  readonly follow?: boolean;
  readonly service?: string;
  readonly from?: number;
  readonly output?: 'json';
}

export async function events(session: Session, options: EventsOptions): Promise<ExitCode> {
  if (options.follow === true) return followEvents(session, options);
  using client = await Client.connect(session);
  const path = eventsPath(options, options.from ?? null);
  const { items } = await client.get(path, eventListSchema, session.signal);
  for (const event of items) printEvent(session, event, options);
  if (items.length === 0) say(session, nothingFound(options));
  return exitCodes.ok;
}

/** The ledger keeps what was deleted, so that a name it has never seen is no error; a typing mistake still shows. */
function nothingFound({ service, from }: EventsOptions): string {
  const about = service === undefined ? '' : ` about ${service}`;
  return `No entry${about}${from === undefined ? '' : ` from ${from} on`}.`;
}

/** Goes on after the last event it saw when the server was away, so none is missed or shown twice. */
async function followEvents(session: Session, options: EventsOptions): Promise<ExitCode> {
  let next = options.from ?? null;
  let hasConnected = false;
  let awaySinceMs: number | null = null;
  for (;;) {
    try {
      using client = await Client.connect(session);
      const path = eventsPath(options, next);
      for await (const event of streamedEvents(client, path, session.signal)) {
        awaySinceMs = null;
        hasConnected = true;
        next = event.index + 1;
        printEvent(session, event, options);
      }
      hasConnected = true;
    } catch (error) {
      if (session.signal.aborted || !hasConnected) throw error;
      awaySinceMs = stillAway(session, error, awaySinceMs);
    }
    await sleep(reconnectMs, undefined, { signal: session.signal });
  }
}

/** The event stream format of the HTML standard, section 9.2.6; each of our events is one `data` line. */
async function* streamedEvents(
  client: Client,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<EventView> {
  for await (const line of client.lines(path, signal)) {
    if (line.startsWith('data:')) yield eventSchema.parse(JSON.parse(line.slice(5)));
  }
}

export interface LogsOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly revision?: string;
  readonly instance?: string;
}

export async function logs(
  session: Session,
  service: string,
  options: LogsOptions,
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const query = new URLSearchParams({ service });
  if (options.revision !== undefined) query.set('revision', options.revision);
  if (options.instance !== undefined) query.set('instance', options.instance);
  if (options.tail !== undefined) query.set('tail', String(options.tail));
  if (options.follow === true) query.set('follow', 'true');
  const view = { isPrefixed: options.instance === undefined, look: session.look };
  let count = 0;
  for await (const text of client.lines(`/v1/logs?${query.toString()}`, session.signal)) {
    if (text === '') continue;
    count += 1;
    print(session, [logLine(logLineSchema.parse(JSON.parse(text)), view)]);
  }
  if (count === 0) say(session, `No lines of ${service} are kept.`);
  return exitCodes.ok;
}

function eventsPath({ service, follow }: EventsOptions, from: number | null): string {
  const query = new URLSearchParams();
  if (from !== null) query.set('from', String(from));
  if (service !== undefined) query.set('service', service);
  if (follow === true) query.set('follow', 'true');
  return `/v1/events?${query.toString()}`;
}

function printEvent(session: Session, event: EventView, { output }: EventsOptions): void {
  print(session, [output === 'json' ? JSON.stringify(event) : eventLine(event, session.look)]);
}
