import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { BlobFolder } from '../../../adapters/blob-folder/blob-folder.ts';
import type { BlobState } from '../../../domain/evidence/blob-event.ts';
import { BlobError } from '../../../ports/blob-store.ts';
import { CliError } from '../cli-error.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { knownBlobsIn } from '../ledger/known-blobs.ts';
import { withLedger } from '../ledger/ledger-reader.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';

export interface BlobListOptions {
  /** Read each one and compare it with its digest. */
  readonly check?: boolean;
  readonly output?: DataFormat;
}

/** `stored`: as its entry says; `missing`: no entry explains that it is not there. */
type BlobCondition = 'stored' | 'not-stored' | 'retired' | 'missing' | 'damaged';

/** What the ledger says of its blobs, beside what is there. Exit code 1: one is missing or damaged. */
export async function blobList(session: Session, options: BlobListOptions): Promise<ExitCode> {
  const known = await blobsOf(session);
  const folder = folderOf(session);
  const there = new Set<string>();
  for await (const { sha256Hex } of folder.list(session.signal)) there.add(sha256Hex);
  const items: (BlobState & { readonly condition: BlobCondition })[] = [];
  for (const blob of known) {
    const condition = await conditionOf(session, blob, {
      isThere: there.has(blob.sha256),
      isRead: options.check === true,
    });
    items.push({ ...blob, condition });
  }
  if (options.output !== undefined) await printData(session, { items }, options.output);
  else {
    const rows = items.map((each) => [
      each.sha256.slice(0, 12),
      each.condition,
      `${each.sizeBytes}`,
      each.rolloutId ?? each.service,
      each.name,
      new Date(each.atMs).toISOString(),
      each.reason ?? '',
    ]);
    const heads = ['DIGEST', 'CONDITION', 'BYTES', 'OF', 'NAME', 'AT', 'WHY'];
    print(session, tableLines({ heads, rows }, false));
  }
  const isWrong = items.some(({ condition }) => ['missing', 'damaged'].includes(condition));
  if (isWrong) say(session, 'help: put the folder blobs of the state folder back from a backup');
  return isWrong ? exitCodes.error : exitCodes.ok;
}

/** Writes one blob, found by the beginning of its digest. */
export async function blobGet(
  session: Session,
  digest: string,
  options: { readonly save?: string },
): Promise<ExitCode> {
  const found = (await blobsOf(session)).filter(({ sha256 }) => sha256.startsWith(digest));
  const [blob, other] = found;
  if (blob === undefined || other !== undefined) {
    const what = blob === undefined ? 'no blob' : 'more than one blob';
    throw new CliError(`${what} begins with ${digest}`, {
      code: 'usage',
      remedy: 'list what there is: tidegate ledger blob list',
    });
  }
  const bytes = await read(session, blob);
  if (bytes === null) {
    const why = blob.reason === null ? 'and no entry says why' : blob.reason;
    throw new CliError(`the blob ${blob.sha256} is not there: ${blob.action}, ${why}`, {
      code: 'refused',
      remedy: 'a backup from before may have it',
    });
  }
  if (options.save === undefined) session.stdout.write(bytes);
  else {
    const path = resolve(session.workingFolder, options.save);
    await writeFile(path, bytes, { mode: 0o600 });
    say(session, `Wrote ${bytes.length} bytes to ${path}.`);
  }
  return exitCodes.ok;
}

async function blobsOf(session: Session): Promise<readonly BlobState[]> {
  let known: readonly BlobState[] = [];
  await withLedger(session, async (ledger) => {
    known = await knownBlobsIn(ledger, Infinity, session.signal);
    return exitCodes.ok;
  });
  return known;
}

async function conditionOf(
  session: Session,
  blob: BlobState,
  { isThere, isRead }: { readonly isThere: boolean; readonly isRead: boolean },
): Promise<BlobCondition> {
  if (blob.action !== 'stored') return blob.action;
  if (!isThere) return 'missing';
  if (!isRead) return 'stored';
  try {
    return (await folderOf(session).get(blob.sha256, session.signal)) === null
      ? 'missing'
      : 'stored';
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    return 'damaged';
  }
}

async function read(session: Session, { sha256 }: BlobState): Promise<Uint8Array | null> {
  try {
    return await folderOf(session).get(sha256, session.signal);
  } catch (error) {
    if (!(error instanceof BlobError)) throw error;
    throw new CliError(error.message, { code: 'unreadable', cause: error });
  }
}

function folderOf({ stateFolder }: Session) {
  return BlobFolder.reader(join(stateFolder, 'blobs'));
}
