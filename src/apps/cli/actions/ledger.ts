import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import type { LedgerReader } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { isErrno } from '../../../adapters/system/errno.ts';
import { openLogNoteSigners } from '../../../adapters/system/note-signing-key.ts';
import { logPolicyLines } from '../../../control/ledger/checkpointer.ts';
import { originAt } from '../../../control/ledger/ledger-origin.ts';
import { inclusionProof } from '../../../control/ledger/ledger-proofs.ts';
import { exportTiles } from '../../../control/ledger/ledger-tiles.ts';
import { blobPath } from '../../../domain/evidence/blob-event.ts';
import { hexOfHash } from '../../../domain/evidence/digest.ts';
import { MerkleEdge } from '../../../domain/evidence/merkle-edge.ts';
import { TILE_WIDTH, tilesOf } from '../../../domain/evidence/tile.ts';
import { formatProof } from '../../../domain/evidence/tlog-proof.ts';
import { LedgerVerification } from '../../../domain/evidence/verify-ledger.ts';
import type { StoredCheckpoint } from '../../../ports/ledger-tree.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { knownBlobsIn } from '../ledger/known-blobs.ts';
import { withLedger } from '../ledger/ledger-reader.ts';
import { print, say, type Session } from '../session.ts';

export interface OutputOptions {
  readonly output?: DataFormat;
}

/** Makes a checkpoint now, has the witnesses cosign it, and prints it. */
export async function ledgerCheckpoint(
  session: Session,
  options: OutputOptions,
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const made = await client.post('/v1/ledger/checkpoint', { signal: session.signal });
  if (options.output !== undefined) await printData(session, made, options.output);
  else print(session, made.note.trimEnd().split('\n'));
  if (made.problem !== null) say(session, made.problem);
  return made.problem === null ? exitCodes.ok : exitCodes.error;
}

/** Prints the lines that a policy needs to trust this ledger. */
export async function ledgerKeys(session: Session): Promise<ExitCode> {
  return withLedger(session, async (ledger) => {
    const signers = await openLogNoteSigners(join(session.stateFolder, 'keys'));
    print(session, [
      ...logPolicyLines(await originAt(ledger, Infinity, session.signal), signers),
      'quorum none',
    ]);
    return exitCodes.ok;
  });
}

/** Writes the ledger up to its newest checkpoint as static files. */
export async function ledgerExport(
  session: Session,
  folder: string,
  options: { readonly withBlobs?: boolean },
): Promise<ExitCode> {
  const target = resolve(session.workingFolder, folder);
  return withLedger(session, async (ledger) => {
    const { size, note } = await newestCheckpoint(session, ledger);
    const isThere = (path: string): boolean => existsSync(join(target, path));
    let files = 0;
    for await (const file of exportTiles(ledger, { size, isThere }, session.signal)) {
      await writeWhole(join(target, file.path), file.bytes);
      files += 1;
    }
    const blobs =
      options.withBlobs === true ? `, ${await exportBlobs(session, ledger, { size, target })}` : '';
    // Last, so that a folder whose checkpoint is there has all that it speaks of.
    await writeWhole(join(target, 'checkpoint'), Buffer.from(note));
    await dropPartials(target, size);
    say(session, `Exported ${size} entries to ${target} (${files} new files${blobs}).`);
    return exitCodes.ok;
  });
}

/** Copies what the entries say is kept, as it is kept; says how much that was. */
async function exportBlobs(
  session: Session,
  ledger: LedgerReader,
  { size, target }: { readonly size: number; readonly target: string },
): Promise<string> {
  const counts = { copied: 0, there: 0, missing: 0 };
  for (const { sha256, action } of await knownBlobsIn(ledger, size, session.signal)) {
    if (action !== 'stored') continue;
    const path = join('blobs', blobPath(sha256));
    if (existsSync(join(target, path))) {
      counts.there += 1;
      continue;
    }
    const bytes = await readIfThere(join(session.stateFolder, path));
    if (bytes === null) counts.missing += 1;
    else {
      // They have what services logged: for whom the export is given to, and nobody else on the machine.
      await writeWhole(join(target, path), bytes, 0o600);
      counts.copied += 1;
    }
  }
  const missing = counts.missing === 0 ? '' : `, ${counts.missing} MISSING`;
  return `${counts.copied + counts.there} blobs, ${counts.copied} of them new${missing}`;
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return null;
    throw new CliError(`cannot read ${path}: ${String(cause)}`, { code: 'unreadable', cause });
  }
}

/** Writes an entry and the proof that it is in the ledger. */
export async function ledgerProof(
  session: Session,
  index: number,
  options: { readonly save?: string },
): Promise<ExitCode> {
  return withLedger(session, async (ledger) => {
    const { signal } = session;
    const checkpoints = await ledger.checkpoints(index + 1, signal);
    const [first] = checkpoints;
    if (first === undefined) {
      throw new CliError(`no checkpoint covers entry ${index} yet`, {
        code: 'refused',
        remedy: 'make one: tidegate ledger checkpoint',
      });
    }
    const hashes = await inclusionProof(ledger, { index, size: first.size }, signal);
    const proof = formatProof({ index: BigInt(index), hashes, note: first.note });
    for await (const { leaf } of ledger.read({ fromIndex: index, stream: null }, signal)) {
      const base = resolve(session.workingFolder, options.save ?? `entry-${index}`);
      await writeWhole(`${base}.json`, leaf);
      await writeWhole(`${base}.tlog-proof`, Buffer.from(proof));
      say(session, `Wrote ${base}.json and ${base}.tlog-proof.`);
      break;
    }
    return exitCodes.ok;
  });
}

/** Builds everything that is derived from the entries again and compares it with what is kept. */
export async function ledgerRebuild(session: Session, options: OutputOptions): Promise<ExitCode> {
  return withLedger(session, async (ledger) => {
    const { signal } = session;
    const state = await ledger.edge(signal);
    const edge = MerkleEdge.of(state);
    const check = new LedgerVerification({ trustedKeyId: null });
    for await (const { leaf } of ledger.read({ fromIndex: 0, stream: null }, signal)) {
      check.add(leaf);
      if (check.entries === state.size) break;
    }
    const report = check.finish();
    const kept = edge === null ? 'damaged' : hexOfHash(edge.root());
    const problem = report.firstProblem?.what ?? null;
    const isSame = problem === null && kept === report.root;
    const result = {
      entries: report.entries,
      rebuiltRoot: report.root,
      keptRoot: kept,
      problem,
      isSame,
    };
    if (options.output !== undefined) await printData(session, result, options.output);
    else {
      print(session, [
        `${isSame ? 'same' : 'DIFFERENT'}: ${report.entries} entries`,
        `  root from the entries: ${report.root}`,
        `  root that is kept:     ${kept}`,
        ...(problem === null ? [] : [`  entry ${report.firstProblem?.index}: ${problem}`]),
      ]);
    }
    return isSame ? exitCodes.ok : exitCodes.error;
  });
}

async function newestCheckpoint(session: Session, ledger: LedgerReader): Promise<StoredCheckpoint> {
  const newest = (await ledger.checkpoints(0, session.signal)).at(-1);
  if (newest !== undefined) return newest;
  throw new CliError('the ledger has no checkpoint yet', {
    code: 'refused',
    remedy:
      'start the server, which makes one within 10 s, or ask for one: tidegate ledger checkpoint',
  });
}

/** There whole or not at all, also after a loss of power: a later export passes over what is there. Replaced at once. */
export async function writeWhole(path: string, bytes: Uint8Array, mode = 0o666): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.tmp`, bytes, { mode, flush: true });
    await rename(`${path}.tmp`, path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`cannot write ${path}: ${why}`, { code: 'unreadable', cause });
  }
}

/** Partial tiles of earlier exports are parts of full ones now, or of wider partial ones: nobody asks for them any more. */
async function dropPartials(folder: string, size: number): Promise<void> {
  for (const { level, index, width } of tilesOf(size)) {
    if (width !== TILE_WIDTH) continue;
    const digits = `${index}`.padStart(3, '0');
    if (digits.length > 3) continue;
    await rm(join(folder, `tile/${level}/${digits}.p`), { recursive: true, force: true });
  }
}
