import type { GetRoutes } from '../../../api/client/generated/routes.ts';
import type { LedgerEvent, LogLine } from '../../../api/client/generated/schemas.ts';
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
  const query = eventsQuery(options, options.from ?? null);
  const { items } = await client.get('/v1/events', { query, signal: session.signal });
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
      const query = eventsQuery(options, next);
      for await (const event of streamedEvents(client, query, session.signal)) {
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
  query: EventsQuery,
  signal: AbortSignal,
): AsyncGenerator<LedgerEvent> {
  let isNamed = false;
  for await (const line of client.lines('/v1/events', { query, signal })) {
    // What has a name is about the stream: that it ends here, and is to be gone on with.
    if (line === '') isNamed = false;
    else if (line.startsWith('event:')) isNamed = true;
    else if (line.startsWith('data:') && !isNamed) yield JSON.parse(line.slice(5)) as LedgerEvent;
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
  const { revision, instance, tail, follow } = options;
  const query = { service, revision, instance, tail, ...(follow === true && followed) };
  const view = { isPrefixed: options.instance === undefined, look: session.look };
  let count = 0;
  for await (const text of client.lines('/v1/logs', { query, signal: session.signal })) {
    if (text === '') continue;
    count += 1;
    print(session, [logLine(JSON.parse(text) as LogLine, view)]);
  }
  if (count === 0) say(session, `No lines of ${service} are kept.`);
  return exitCodes.ok;
}

type EventsQuery = NonNullable<GetRoutes['/v1/events']['query']>;

const followed = { follow: 'true' } as const;

function eventsQuery({ service, follow }: EventsOptions, from: number | null): EventsQuery {
  return { service, ...(from !== null && { from }), ...(follow === true && followed) };
}

function printEvent(session: Session, event: LedgerEvent, { output }: EventsOptions): void {
  print(session, [output === 'json' ? JSON.stringify(event) : eventLine(event, session.look)]);
}
