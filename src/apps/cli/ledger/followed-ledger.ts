import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import { exportLines } from '../../../domain/evidence/export-format.ts';
import { verifyContinued } from '../../../domain/evidence/verify-export.ts';
import { openVerification } from '../../../domain/evidence/verify-ledger.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { poll } from '../poll.ts';
import type { Session } from '../session.ts';
import { entriesOf } from './ledger-source.ts';

/** How often the server is asked for the number of its entries. */
const intervalMs = 500;
const trust = { trustedKeyId: null };

/**
 * The server's ledger as it grows, without end: what is new is fetched, verified as the continuation of what came before, and only
 * then given. A server that goes away is waited for; one that comes back with another history is an error.
 */
export async function* followedLedger(session: Session): AsyncGenerator<RecordedEntry> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-follow-'));
  const path = join(folder, 'news.jsonl');
  const ledger = openVerification(trust);
  const fetchNews = async (client: Client, signal: AbortSignal): Promise<number> => {
    const status = await client.get('/v1/status', { signal });
    const { entries } = status.ledger;
    if (entries > ledger.entries) await save(client, { path, fromIndex: ledger.entries }, signal);
    return entries;
  };
  try {
    const options = { intervalMs, signal: session.signal };
    for await (const size of poll(session, fetchNews, options)) {
      const fromIndex = ledger.entries;
      if (size < fromIndex) throw otherHistory(`it has ${size} entries and had ${fromIndex}`);
      if (size === fromIndex) continue;
      const lines = exportLines(createReadStream(path, { signal: session.signal }));
      const { valid, proves } = await verifyContinued(lines, ledger, trust);
      if (!valid) throw otherHistory(proves);
      yield* entriesOf(path, session.signal, fromIndex);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whole, or an error that says the server went away. */
async function save(
  client: Client,
  { path, fromIndex }: { readonly path: string; readonly fromIndex: number },
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  for await (const line of client.lines('/v1/ledger/export', {
    query: { from: fromIndex },
    signal,
  })) {
    await file.write(`${line}\n`);
  }
}

function otherHistory(what: string): CliError {
  return new CliError(`cannot go on with the server's ledger: ${what}`, {
    code: 'unreadable',
    remedy: 'look at it: tidegate verify',
  });
}
