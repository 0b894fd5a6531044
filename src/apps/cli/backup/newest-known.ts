import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { openSqliteLedgerReader } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { NEWEST_CHECKPOINT_FILE } from '../../../adapters/system/newest-checkpoint.ts';
import { HttpWitness } from '../../../adapters/witness/http-witness.ts';
import type { RestorableLedger } from '../../../control/ledger/ledger-restore.ts';
import {
  type Anchor,
  newerOf,
  newestOfAnchors,
  newestOfWitnesses,
  type NewestKnown,
} from '../../../control/ledger/restore-anchors.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import { Witnessing } from '../../../control/ledger/witnessing.ts';
import type { SignedManifest } from '../../../domain/evidence/backup-manifest.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { judgeCheckpoint } from '../../../domain/evidence/judge-checkpoint.ts';
import { parsePolicy, type TrustPolicy } from '../../../domain/evidence/trust-policy.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../session.ts';
import type { BackupFolder } from './backup-folder.ts';

export interface Asking {
  readonly session: Session;
  readonly options: { readonly anchor?: readonly string[]; readonly witnesses: boolean };
  readonly backup: BackupFolder;
  readonly signed: SignedManifest;
}

const witnessTimeoutMs = 10_000;
const maxTextBytes = 1024 * 1024;

/** Whoever may have seen more than the backup has. */
export async function newestKnown(
  { session, options, backup, signed }: Asking,
  store: RestorableLedger,
  found: { readonly policy: TrustPolicy; readonly comparedWith: string[] },
): Promise<NewestKnown | null> {
  const { signal, stateFolder } = session;
  const { size, checkpoint } = signed.manifest;
  const { policy } = found;
  const paths = (options.anchor ?? []).map((path) => resolve(session.workingFolder, path));
  const remembered = join(stateFolder, NEWEST_CHECKPOINT_FILE);
  if (existsSync(remembered)) paths.push(remembered);
  const anchors: Anchor[] = [];
  for (const path of paths) anchors.push(await anchorAt(path, signal));
  const named = anchors.map(({ from }) => from);
  // The copy for public tools: damaged it would mislead them, and after a backup that was killed it is an earlier one.
  const copy = await backup.readIfThere('checkpoint');
  if (copy === null) {
    const what = { place: 'checkpoint', message: 'it is missing', remedy: DAMAGED_REMEDY };
    throw new RestoreRefusal('damaged', what);
  }
  requireWhole(copy, signed);
  anchors.push({ from: 'checkpoint', note: Buffer.from(copy).toString('utf8') });
  const byFiles = await newestOfAnchors(store, { size, anchors, policy }, signal);
  found.comparedWith.push(...named);
  const asked = options.witnesses ? policy.witnesses.filter(({ url }) => url !== null) : [];
  const witnesses = asked.map((each) => {
    const witness = new HttpWitness(each.url ?? '', { timeoutMs: witnessTimeoutMs });
    return new Witnessing(each, witness, store);
  });
  const byWitnesses = await newestOfWitnesses(witnesses, { note: checkpoint.note, policy }, signal);
  if (byWitnesses.unasked.length > 0) {
    throw new CliError(`cannot ask all witnesses: ${byWitnesses.unasked.join('; ')}`, {
      code: 'refused',
      remedy: 'try again when they are there, or do without them: --no-witnesses',
    });
  }
  found.comparedWith.push(...witnesses.map(({ name }) => `the witness ${name}`));
  return newerOf(byFiles, byWitnesses.newest);
}

/**
 * Anchors are judged leniently, which passes over lines of unknown keys; of the backup's own copy each line is known. Throws a
 * RestoreRefusal.
 */
function requireWhole(copy: Uint8Array, { manifest }: SignedManifest): void {
  if (Buffer.from(manifest.checkpoint.note).equals(copy)) return;
  try {
    const policy = parsePolicy(manifest.policy);
    judgeCheckpoint(copy, { ...policy, quorum: { kind: 'none' } }, 'strict');
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    const { message } = cause;
    const what = { place: 'checkpoint', message, remedy: DAMAGED_REMEDY, cause };
    throw new RestoreRefusal('damaged', what);
  }
}

/** A file with a checkpoint, or a state folder with a ledger. */
async function anchorAt(path: string, signal: AbortSignal): Promise<Anchor> {
  if (!existsSync(path)) {
    throw new CliError(`cannot read the checkpoint ${path}: no such file`, {
      code: 'unreadable',
      remedy: 'name a file that has a checkpoint, or the state folder of a server',
    });
  }
  if (!statSync(path).isDirectory()) return { from: path, note: await boundedText(path) };
  await using ledger = await openSqliteLedgerReader(path, signal);
  const newest = (await ledger.checkpoints(0, signal)).at(-1);
  if (newest !== undefined) return { from: path, note: newest.note };
  throw new CliError(`the ledger in ${path} has no checkpoint`, { code: 'unreadable' });
}

async function boundedText(path: string): Promise<string> {
  if (statSync(path).size <= maxTextBytes) return readFile(path, 'utf8');
  throw new CliError(`cannot use ${path}: it has more than ${maxTextBytes} bytes`, {
    code: 'unreadable',
  });
}
