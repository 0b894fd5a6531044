import { MANIFEST_FILE } from '../../domain/evidence/backup-manifest.ts';
import type { BackupManifest, SignedManifest } from '../../domain/evidence/backup-manifest.ts';
import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { checkCheckpointSigners } from '../../domain/evidence/checkpoint-signers.ts';
import { parseCheckpoint } from '../../domain/evidence/checkpoint.ts';
import { hexOfHash } from '../../domain/evidence/digest.ts';
import { decodePack, packPath } from '../../domain/evidence/input-pack.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import { parseNote } from '../../domain/evidence/signed-note.ts';
import { decodeBundle, tilePath, tilesOfLevel } from '../../domain/evidence/tile.ts';
import type { NamedDigest } from '../../domain/evidence/statement.ts';
import type { TrustPolicy } from '../../domain/evidence/trust-policy.ts';
import { LedgerVerification } from '../../domain/evidence/verify-ledger.ts';
import type { LedgerStore, NewEntry } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { keptCheckpointPath } from './ledger-backup.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import { projectionsOf } from '../recording/projections.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from './restore-refusal.ts';

export type RestorableLedger = LedgerStore & LedgerTree;

export interface RestoreSource {
  readonly signed: SignedManifest;
  /** Of a file that the manifest names, with its size and digest checked; rejects with a RestoreRefusal. */
  readonly read: (path: string) => Promise<Uint8Array>;
}

export interface RestoreOptions {
  /** The key that the ledger has to be written with at its end, learnt from elsewhere; null: any that it enrolled. */
  readonly trustedKeyId: string | null;
  /** Whom to believe about checkpoints. */
  readonly policy: TrustPolicy;
  /** Of this program. */
  readonly version: string;
  readonly onProgress: (entries: number, all: number) => void;
}

/**
 * Fills an empty ledger from a backup, and believes nothing of it before all of it agrees:
 *
 * B1 each file has the size and the digest of the manifest, which a key has signed that the ledger itself knows at its end;
 * B2 the entries verify in order, and their root is the manifest's and the checkpoint's, which the log's keys have signed;
 * B3 each input an entry names is there with its digest;
 * B4 what is derived from the entries comes out as it was.
 *
 * Whether it is the newest there was can't be seen in it: that is asked of others (restore-anchors.ts).
 */
export async function restoreLedger(
  source: RestoreSource,
  into: RestorableLedger,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<void> {
  const { manifest } = source.signed;
  const verification = await restoreEntries(source, into, options, signal);
  checkSignature(source.signed, verification, options);
  checkTree(manifest, verification);
  checkNewest(manifest, verification, options.policy);
  await restoreCheckpoints(source, into, signal);
  await checkProjections(manifest, into, options.version, signal);
}

async function restoreEntries(
  source: RestoreSource,
  into: RestorableLedger,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<LedgerVerification> {
  const { size } = source.signed.manifest;
  const verification = new LedgerVerification({ trustedKeyId: null });
  for (const bundle of tilesOfLevel('entries', size)) {
    signal.throwIfAborted();
    const path = tilePath(bundle);
    const bytes = await source.read(path);
    const leaves = within(path, () => decodeBundle(bytes, bundle.width));
    const read = leaves.map((leaf) => verified(verification, path, leaf));
    const pack = packPath(bundle);
    const packed = await source.read(pack);
    const blobs = within(pack, () => decodePack(packed)).map((each) => ({
      sha256Hex: each.sha256,
      bytes: each.bytes,
    }));
    requireInputs(pack, read, new Set(blobs.map((each) => each.sha256Hex)));
    const entries = read.map(({ entry }) => entry);
    const expectedSize = verification.entries - entries.length;
    await into.append({ expectedSize, entries, blobs }, signal);
    options.onProgress(verification.entries, size);
  }
  return verification;
}

interface VerifiedLeaf {
  readonly entry: NewEntry;
  readonly inputs: readonly NamedDigest[];
}

function verified(verification: LedgerVerification, path: string, leaf: Uint8Array): VerifiedLeaf {
  verification.add(leaf);
  const { firstProblem } = verification.finish();
  if (firstProblem !== null) {
    throw damaged(path, `entry ${firstProblem.index}: ${firstProblem.what}`);
  }
  const { leafHash, statement } = readLeaf(leaf);
  return { entry: { stream: statement.stream, leaf, leafHash }, inputs: statement.inputs };
}

function requireInputs(
  pack: string,
  leaves: readonly VerifiedLeaf[],
  there: ReadonlySet<string>,
): void {
  const missing = leaves.flatMap(({ inputs }) => inputs).find(({ sha256 }) => !there.has(sha256));
  if (missing !== undefined) throw damaged(pack, `the input ${missing.sha256} is missing`);
}

function checkSignature(
  { manifest, envelope }: SignedManifest,
  verification: LedgerVerification,
  { trustedKeyId }: RestoreOptions,
): void {
  within(MANIFEST_FILE, () => verification.keys.checkSignature(manifest.size, envelope));
  if (trustedKeyId === null || verification.keys.isValidAt(trustedKeyId, manifest.size)) return;
  throw new RestoreRefusal('foreign', {
    place: MANIFEST_FILE,
    message: `the ledger in it is not written with the key ${trustedKeyId}, but with ${verification.keys.keyIds().join(', ')}`,
    remedy: 'give the keys that belong to this backup, or the backup that belongs to these keys',
  });
}

function checkTree(manifest: BackupManifest, verification: LedgerVerification): void {
  const { root } = verification.finish();
  if (root !== manifest.root) {
    throw damaged(MANIFEST_FILE, `its root ${manifest.root} is not that of the entries, ${root}`);
  }
  if (verification.origin !== manifest.origin) {
    throw damaged(MANIFEST_FILE, `it names the ledger ${manifest.origin}, not itself`);
  }
}

function checkNewest(
  manifest: BackupManifest,
  verification: LedgerVerification,
  policy: TrustPolicy,
): void {
  const { checkpoint, logKeys } = within(`${MANIFEST_FILE} (checkpoint)`, () =>
    judgeCheckpoint(Buffer.from(manifest.checkpoint.note), policy, 'lenient'),
  );
  const signers = policy.logs
    .map(({ key }) => key)
    .filter(({ name, keyId }) => logKeys.includes(`${name}+${keyId}`));
  within(`${MANIFEST_FILE} (checkpoint)`, () =>
    checkCheckpointSigners(verification.keys, manifest.size, signers),
  );
  const { origin, size, root } = checkpoint;
  const isSame = origin === manifest.origin && size === BigInt(manifest.size);
  if (isSame && hexOfHash(root) === manifest.root) return;
  throw damaged(MANIFEST_FILE, 'its checkpoint is of another ledger, size or root than it says');
}

async function restoreCheckpoints(
  { signed, read }: RestoreSource,
  into: RestorableLedger,
  signal: AbortSignal,
): Promise<void> {
  const { manifest } = signed;
  const paths = manifest.files.map(({ path }) => path);
  const kept: { readonly size: number; readonly note: string }[] = [];
  for (const path of paths.filter((each) => each.startsWith('checkpoints/'))) {
    const note = Buffer.from(await read(path)).toString('utf8');
    const checkpoint = within(path, () => parseCheckpoint(parseNote(Buffer.from(note)).text));
    const size = Number(checkpoint.size);
    if (keptCheckpointPath({ size, note }) !== path || size >= manifest.size) {
      throw damaged(path, 'it is another checkpoint than its name says');
    }
    const root = await rootAt(into, size, signal);
    const origin = await originAt(into, size, signal);
    if (hexOfHash(root) !== hexOfHash(checkpoint.root) || origin !== checkpoint.origin) {
      throw damaged(path, 'the entries are not those that it is over');
    }
    kept.push({ size, note });
  }
  for (const each of kept.toSorted((one, other) => one.size - other.size)) {
    await into.saveCheckpoint({ ...each, isKept: true }, signal);
  }
  const { note, isKept } = manifest.checkpoint;
  await into.saveCheckpoint({ size: manifest.size, note, isKept }, signal);
}

async function checkProjections(
  manifest: BackupManifest,
  into: RestorableLedger,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { size, projections } = manifest;
  const rebuilt = await projectionsOf(into, { size, signer: null }, signal);
  const differing = (['index', 'services'] as const).filter(
    (each) => rebuilt[each] !== projections[each],
  );
  if (differing.length === 0) return;
  throw new RestoreRefusal('drifted', {
    place: `${MANIFEST_FILE} (projections)`,
    message: `the ${differing.join(' and the ')} built again from the entries differ from those at the backup`,
    remedy:
      manifest.version === version
        ? DAMAGED_REMEDY
        : `restore with the program that made it, version ${manifest.version} (this is ${version}), then change to this one`,
  });
}

function damaged(place: string, message: string): RestoreRefusal {
  return new RestoreRefusal('damaged', { place, message, remedy: DAMAGED_REMEDY });
}

function within<Result>(place: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    throw new RestoreRefusal('damaged', {
      place,
      message: cause.message,
      remedy: DAMAGED_REMEDY,
      cause,
    });
  }
}
