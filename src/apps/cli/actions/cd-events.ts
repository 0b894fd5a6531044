import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { cloudEventsOf } from '../../../domain/evidence/cd-events.ts';
import { originOf } from '../../../domain/evidence/export-format.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { verifiedEntries } from '../ledger/ledger-source.ts';
import { saveExport } from '../report/read-ledger.ts';
import type { Session } from '../session.ts';

export interface CdEventsOptions {
  readonly service?: string;
  readonly from?: number;
  /** An exported ledger; absent: the server's. */
  readonly ledger?: string;
  readonly environment?: string;
  readonly follow?: boolean;
}

/** What happened as CDEvents, one CloudEvent a line, from a ledger that is verified first. */
export async function cdEvents(session: Session, options: CdEventsOptions): Promise<ExitCode> {
  if (options.follow === true) {
    throw new CliError('cannot follow CDEvents: they are made of a verified ledger', {
      code: 'usage',
      remedy:
        'leave out --follow, and go on later with --from INDEX: an event is the same each time',
    });
  }
  if (options.ledger !== undefined) {
    return printEvents(session, resolve(session.workingFolder, options.ledger), options);
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-events-'));
  try {
    const path = join(folder, 'ledger.jsonl');
    using client = await Client.connect(session);
    await saveExport(client, path, session.signal);
    return await printEvents(session, path, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function printEvents(
  session: Session,
  path: string,
  { service, from = 0, environment = 'local' }: CdEventsOptions,
): Promise<ExitCode> {
  const { stdout, signal } = session;
  const timeText = (atMs: number): string => new Date(atMs).toISOString();
  let origin = '';
  for await (const entry of await verifiedEntries(path, null, signal)) {
    if (entry.index === 0) origin = originOf(entry.leafHash);
    if (entry.index < from) continue;
    for (const event of cloudEventsOf(entry, { origin, environment, timeText })) {
      if (service !== undefined && event.data.customData.service !== service) continue;
      const line = `${JSON.stringify(event)}\n`;
      if (!stdout.write(line)) await once(stdout, 'drain', { signal });
    }
  }
  return exitCodes.ok;
}
