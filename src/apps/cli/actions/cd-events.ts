import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import { cloudEventsOf } from '../../../domain/evidence/cd-events.ts';
import { originOf } from '../../../domain/evidence/export-format.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { followedLedger } from '../ledger/followed-ledger.ts';
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
  const { signal } = session;
  if (options.follow === true && options.ledger !== undefined) {
    throw new CliError('cannot follow a file: nothing is added to an export', {
      code: 'usage',
      remedy: 'leave out --follow, or --ledger to follow the server',
    });
  }
  if (options.follow === true) return printEvents(session, followedLedger(session), options);
  if (options.ledger !== undefined) {
    const path = resolve(session.workingFolder, options.ledger);
    return printEvents(session, await verifiedEntries(path, null, signal), options);
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-events-'));
  try {
    const path = join(folder, 'ledger.jsonl');
    using client = await Client.connect(session);
    await saveExport(client, path, signal);
    return await printEvents(session, await verifiedEntries(path, null, signal), options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function printEvents(
  { stdout, signal }: Session,
  entries: AsyncIterable<RecordedEntry>,
  { service, from = 0, environment = 'local' }: CdEventsOptions,
): Promise<ExitCode> {
  const timeText = (atMs: number): string => new Date(atMs).toISOString();
  let origin = '';
  for await (const entry of entries) {
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
