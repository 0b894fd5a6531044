import type { Service } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { asList, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { plainLook } from '../look.ts';
import { poll } from '../poll.ts';
import { print, type Session } from '../session.ts';
import {
  type Columns,
  eventColumns,
  instanceColumns,
  rolloutColumns,
  serviceColumns,
} from '../views/resource-table.ts';
import { flagColumns } from '../views/flag-rows.ts';
import { rowOfRollout, rowOfSummary, type RolloutRow } from '../views/rollout-row.ts';
import { columnWidths, rowLine, tableLines } from '../views/table.ts';

const intervalMs = 1000;

export type Resource = 'services' | 'rollouts' | 'instances' | 'events' | 'flags';

export interface GetOptions {
  readonly output?: 'json' | 'yaml' | 'wide' | 'name';
  /** False with `--no-headers`. */
  readonly headers: boolean;
  readonly watch?: boolean;
}

/** One kind of thing: how it is asked for, and how it is shown. The name is the service's, or the thing's own. */
interface Source<T> {
  readonly columns: Columns<T>;
  readonly ask: (client: Client, name: string | null, signal: AbortSignal) => Promise<readonly T[]>;
}

export async function get(
  session: Session,
  wanted: { readonly resource: Resource; readonly name: string | null },
  options: GetOptions,
): Promise<ExitCode> {
  switch (wanted.resource) {
    case 'services':
      return getFrom(session, { columns: serviceColumns, ask: askServices }, wanted.name, options);
    case 'rollouts':
      return getFrom(session, { columns: rolloutColumns, ask: askRollouts }, wanted.name, options);
    case 'instances':
      return getFrom(
        session,
        { columns: instanceColumns, ask: askInstances },
        wanted.name,
        options,
      );
    case 'events':
      return getFrom(session, { columns: eventColumns, ask: askEvents }, wanted.name, options);
    case 'flags':
      return getFrom(session, { columns: flagColumns, ask: askFlags }, wanted.name, options);
  }
}

async function getFrom<T>(
  session: Session,
  source: Source<T>,
  name: string | null,
  options: GetOptions,
): Promise<ExitCode> {
  if (options.watch === true) return watchFrom(session, source, name, options);
  using client = await Client.connect(session);
  const items = await source.ask(client, name, session.signal);
  const { output } = options;
  if (output === 'json' || output === 'yaml') {
    const single = name !== null && source.columns.kind === 'service' ? items[0] : undefined;
    await printData(session, single ?? asList(items), output);
  } else if (output === 'name') {
    print(
      session,
      items.map((item) => `${source.columns.kind}/${source.columns.nameOf(item)}`),
    );
  } else if (items.length === 0) {
    session.stderr.write(`No ${source.columns.kind} found.\n`);
  } else {
    const table = {
      heads: headsOf(source, options),
      rows: rowsOf(session, source, items, options),
    };
    print(session, tableLines(table, !options.headers));
  }
  return exitCodes.ok;
}

/** As `kubectl get --watch`: all rows once, then each row again when it changed. */
async function watchFrom<T>(
  session: Session,
  source: Source<T>,
  name: string | null,
  options: GetOptions,
): Promise<ExitCode> {
  const known = new Map<string, string>();
  let widths: number[] | null = null;
  const { signal } = session;
  const ask = (client: Client, signal: AbortSignal) => source.ask(client, name, signal);
  for await (const items of poll(session, ask, { intervalMs, signal })) {
    const changed = items.filter((item) => isNews(known, source, item));
    if (options.output === 'json')
      print(
        session,
        changed.map((item) => JSON.stringify(item)),
      );
    else if (options.output === 'yaml') {
      for (const item of changed) {
        print(session, ['---']);
        await printData(session, item, 'yaml');
      }
    } else if (options.output === 'name') {
      print(
        session,
        changed.map((item) => `${source.columns.kind}/${source.columns.nameOf(item)}`),
      );
    } else {
      const rows = rowsOf(session, source, changed, options);
      const first: string[][] = widths === null ? [headsOf(source, options)] : [];
      widths ??= columnWidths([...first, ...rows]);
      const shown = options.headers ? [...first, ...rows] : rows;
      print(
        session,
        shown.map((row) => rowLine(row, widths ?? [])),
      );
    }
  }
  return exitCodes.ok;
}

/** Compares what the table shows at one fixed moment, so that an age that grows is no change. */
function isNews<T>(known: Map<string, string>, { columns }: Source<T>, item: T): boolean {
  const key = columns.nameOf(item);
  const place = { look: plainLook, nowMs: 0 };
  const text = columns.cells(item, place).join('\t');
  if (known.get(key) === text) return false;
  known.set(key, text);
  return true;
}

function headsOf<T>({ columns }: Source<T>, { output }: GetOptions): string[] {
  return [...columns.heads, ...(output === 'wide' ? columns.wideHeads : [])];
}

function rowsOf<T>(
  { look }: Session,
  { columns }: Source<T>,
  items: readonly T[],
  { output }: GetOptions,
): string[][] {
  const place = { look, nowMs: Date.now() };
  return items.map((item) => [
    ...columns.cells(item, place),
    ...(output === 'wide' ? columns.wideCells(item) : []),
  ]);
}

async function askServices(
  client: Client,
  name: string | null,
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const { items } = await client.get('/v1/services', { signal });
  if (name === null) return items;
  const found = items.filter((service) => service.metadata.name === name);
  if (found.length > 0) return found;
  const names = items.map((service) => service.metadata.name).join(', ');
  throw new CliError(`no service is named "${name}"`, {
    code: 'refused',
    remedy: names === '' ? 'apply one: tidegate apply -f FILE' : `there are: ${names}`,
  });
}

async function askRollouts(
  client: Client,
  name: string | null,
  signal: AbortSignal,
): Promise<RolloutRow[]> {
  const services = await askServices(client, name, signal);
  const rows = await Promise.all(
    services.map(async ({ metadata, status }) => {
      const path = { name: metadata.name };
      const { items } = await client.get('/v1/services/{name}/rollouts', { path, signal });
      const past = items.map((item) => rowOfSummary(metadata.name, item));
      const { rollout } = status;
      if (rollout === null || past.some((row) => row.id === rollout.id)) return past;
      return [...past, rowOfRollout(metadata.name, rollout)];
    }),
  );
  return rows
    .flat()
    .toSorted((one, other) => Date.parse(one.startedAt) - Date.parse(other.startedAt));
}

async function askInstances(client: Client, name: string | null, signal: AbortSignal) {
  const services = await askServices(client, name, signal);
  return services.flatMap((service) => service.status.instances);
}

async function askFlags(client: Client, name: string | null, signal: AbortSignal) {
  const services = await askServices(client, name, signal);
  return services.flatMap(({ status }) => status.flags ?? []);
}

async function askEvents(client: Client, name: string | null, signal: AbortSignal) {
  const query = name === null ? {} : { service: name };
  return (await client.get('/v1/events', { query, signal })).items;
}
