import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import type { ReadBlob } from '../../../control/replay/replay.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { exportLines, isTrailerLine } from '../../../domain/evidence/export-format.ts';
import { readLeaf } from '../../../domain/evidence/leaf.ts';
import { verifyExport } from '../../../domain/evidence/verify-export.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { saveExport } from '../report/read-ledger.ts';
import type { Session } from '../session.ts';
import { InputsFile, inputsPathOf } from './inputs-file.ts';

/** A verified ledger with what its entries were decided from. */
export interface LedgerSource extends AsyncDisposable {
  readonly entryCount: number;
  entries(): AsyncIterable<RecordedEntry>;
  readonly readBlob: ReadBlob;
}

export interface LedgerOptions {
  /** An exported ledger; absent: the server's. */
  readonly ledger?: string;
  /** The key that must have signed it. */
  readonly key?: string;
}

/** Reads nothing before all of it is verified. A file wants its inputs beside it; a server is asked for them one by one. */
export async function openLedger(session: Session, options: LedgerOptions): Promise<LedgerSource> {
  const { signal } = session;
  const trustedKeyId = options.key ?? null;
  if (options.ledger !== undefined) {
    const path = resolve(session.workingFolder, options.ledger);
    const entryCount = await verifiedCount(path, trustedKeyId, signal);
    const inputs = await InputsFile.open(inputsPathOf(path), signal);
    if (inputs === null) throw withoutInputs(path);
    return {
      entryCount,
      entries: () => entriesOf(path, signal),
      readBlob: (sha256) => inputs.read(sha256),
      [Symbol.asyncDispose]: () => inputs[Symbol.asyncDispose](),
    };
  }
  const client = await Client.connect(session);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-ledger-'));
  const close = async (): Promise<void> => {
    client[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const path = join(folder, 'ledger.jsonl');
    await saveExport(client, path, signal);
    return {
      entryCount: await verifiedCount(path, trustedKeyId, signal),
      entries: () => entriesOf(path, signal),
      readBlob: (sha256) => fetchInput(client, sha256, signal),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Null: the ledger has no bytes of this digest. */
export async function fetchInput(
  client: Client,
  sha256: string,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const { base64 } = await client.get('/v1/ledger/inputs/{sha256}', { path: { sha256 }, signal });
  return base64 === null ? null : Buffer.from(base64, 'base64');
}

/** The entries of an exported ledger that was verified, as a recorder gives them; the first in it is number `fromIndex`. */
export async function* entriesOf(
  path: string,
  signal: AbortSignal,
  fromIndex = 0,
): AsyncIterable<RecordedEntry> {
  let index = fromIndex - 1;
  for await (const line of exportLines(createReadStream(path, { signal }))) {
    // The header stands before the first entry.
    index += 1;
    if (index === fromIndex || isTrailerLine(line)) continue;
    const { leafHash, statement } = readLeaf(Buffer.from(line, 'latin1'));
    const { stream, streamVersion, type, observedAtMs, collector, data, inputs } = statement;
    const { version } = collector;
    const place = { index: index - 1, leafHash };
    yield { ...place, stream, streamVersion, type, observedAtMs, version, data, inputs };
  }
}

/** As `entriesOf`, after all of it was verified; throws a CliError when it is not valid. */
export async function verifiedEntries(
  path: string,
  trustedKeyId: string | null,
  signal: AbortSignal,
): Promise<AsyncIterable<RecordedEntry>> {
  await verifiedCount(path, trustedKeyId, signal);
  return entriesOf(path, signal);
}

async function verifiedCount(
  path: string,
  trustedKeyId: string | null,
  signal: AbortSignal,
): Promise<number> {
  try {
    const lines = exportLines(createReadStream(path, { signal }));
    const { valid, entries, proves } = await verifyExport(lines, { trustedKeyId });
    if (valid) return entries;
    throw new CliError(`cannot use ${path}: ${proves}`, {
      code: 'unreadable',
      remedy: `look at it: tidegate verify ${path}`,
    });
  } catch (cause) {
    const isFileFault = cause instanceof Error && 'syscall' in cause;
    if (signal.aborted || !(isFileFault || cause instanceof EvidenceError)) throw cause;
    const isMissing = 'code' in cause && cause.code === 'ENOENT';
    const why = isMissing ? 'no such file' : cause.message;
    throw new CliError(`cannot read ${path}: ${why}`, { code: 'unreadable', cause });
  }
}

function withoutInputs(path: string): CliError {
  return new CliError(
    `cannot decide again from ${path}: it has entries only, and ${inputsPathOf(path)} is not there`,
    {
      code: 'unreadable',
      remedy: 'save both from the server: tidegate verify --save FILE --with-inputs',
    },
  );
}
