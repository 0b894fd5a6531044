import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import {
  type BackupManifest,
  manifestText,
  readManifest,
  unsignedManifest,
} from '../../domain/evidence/backup-manifest.ts';
import { hexOfHash, sha256Hex } from '../../domain/evidence/digest.ts';
import { decodePack, encodePack } from '../../domain/evidence/input-pack.ts';
import { rawKeyOf } from '../../domain/evidence/note-key.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import { LedgerVerification } from '../../domain/evidence/verify-ledger.ts';
import type { NoteSigner, Signer } from '../../ports/identity.ts';
import { Checkpointer, logPolicyLines } from './checkpointer.ts';
import { backupParts } from './ledger-backup.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import { restoreLedger } from './ledger-restore.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import { declareNewOrigin } from './new-origin.ts';
import { projectionsOf } from '../recording/projections.ts';
import { newestOfAnchors } from './restore-anchors.ts';
import { RestoreRefusal } from './restore-refusal.ts';

const { signal } = new AbortController();
const signer = createMemorySigner(Buffer.alloc(32, 1));
const stranger = createMemorySigner(Buffer.alloc(32, 9));

test('what is restored from a backup is the same to the byte, and leads to the same state', async () => {
  const { store, files, signed } = await shared;
  const into = new MemoryLedgerStore();
  await restored(signed, files, into);
  assert.deepEqual(await contentOf(into), await contentOf(store));
  assert.ok(files.size >= 4, 'the ledger is too small to show anything');
  const { size, projections } = signed.manifest;
  assert.deepEqual(await projectionsOf(into, { size, signer: null }, signal), projections);
});

test('the projections of a ledger are those of its entries, with the snapshot and without', async () => {
  const { store, signed } = await shared;
  const { size, projections } = signed.manifest;
  assert.deepEqual(await projectionsOf(store, { size, signer: null }, signal), projections);
  assert.notDeepEqual(await projectionsOf(store, { size: size - 1, signer }, signal), projections);
});

type Backup = Awaited<ReturnType<typeof backedUp>>;

/** Somebody who has the ledger's key, or one of their own, and changes what the manifest says. */
const forgeries: readonly (readonly [
  name: string,
  forge: (backup: Backup) => Partial<BackupManifest>,
  signer: Signer,
  want: RegExp,
])[] = [
  ['signed by another key', () => ({}), stranger, /may not sign at index/],
  ['another root', () => ({ root: sha256Hex('x') }), signer, /root .* is not that of the entries/],
  ['another name', () => ({ origin: 'tidegate.dev/x' }), signer, /names the ledger/],
  [
    'a checkpoint of another size',
    ({ older }) => ({ checkpoint: { note: older, isKept: true } }),
    signer,
    /checkpoint is of another/,
  ],
  [
    'other projections',
    ({ signed }) => ({
      projections: { ...signed.manifest.projections, services: sha256Hex('x') },
    }),
    signer,
    /the services built again/,
  ],
  [
    'without one of its files',
    ({ signed }) => ({ files: signed.manifest.files.slice(0, -1) }),
    signer,
    /is missing/,
  ],
];
for (const [name, forge, by, want] of forgeries) {
  test(`a manifest ${name} is refused with its place and a remedy`, async () => {
    const backup = await shared;
    const signed = await sign({ ...backup.signed.manifest, ...forge(backup) }, by);
    await assert.rejects(
      restored(signed, backup.files, new MemoryLedgerStore()),
      (error) =>
        error instanceof RestoreRefusal && want.test(error.message) && error.remedy.length > 20,
    );
  });
}

test('an input that an entry names and the pack lacks is found', async () => {
  const { files, signed } = await shared;
  const [path, bytes] = [...files].find(([each]) => each.startsWith('inputs/')) ?? assert.fail();
  const changed = new Map(files).set(path, encodePack(decodePack(bytes).slice(1)));
  await assert.rejects(
    restored(signed, changed, new MemoryLedgerStore()),
    (error) =>
      error instanceof RestoreRefusal && error.place === path && /is missing/.test(error.message),
  );
});

test('a ledger that is not written with the key one has is foreign', async () => {
  const { files, signed } = await shared;
  await assert.rejects(
    restored(signed, files, new MemoryLedgerStore(), stranger.keyId),
    (error) => error instanceof RestoreRefusal && error.code === 'foreign',
  );
});

test('an anchor that has seen more makes the backup older, and one of another history refuses it', async () => {
  const { store, signed, policy } = await shared;
  const { size, checkpoint } = signed.manifest;
  const anchors = [{ from: 'here', note: checkpoint.note }];
  assert.equal(await newestOfAnchors(store, { size, anchors, policy }, signal), null);
  const newest = await newestOfAnchors(store, { size: size - 1, anchors, policy }, signal);
  assert.deepEqual([newest?.from, newest?.size], ['here', size]);
  // Of the same key, and so of the same name, and another history.
  const other = await backedUp([2]);
  const pair = [{ store, signed }, other].toSorted((a, b) => sizeOf(a) - sizeOf(b));
  const [shorter, longer] = pair;
  assert.ok(shorter !== undefined && longer !== undefined);
  const seen = [{ from: 'there', note: shorter.signed.manifest.checkpoint.note }];
  await assert.rejects(
    newestOfAnchors(longer.store, { size: sizeOf(longer), anchors: seen, policy }, signal),
    (error) => error instanceof RestoreRefusal && error.code === 'forged',
  );
  const strangers = parsePolicy(
    `${logPolicyLines(signed.manifest.origin, [noteSigner(7)]).join('\n')}\nquorum none\n`,
  );
  await assert.rejects(
    newestOfAnchors(store, { size, anchors, policy: strangers }, signal),
    (error) => error instanceof RestoreRefusal && error.code === 'foreign',
  );
});

test('after a new origin the ledger has another name, verifies, and is backed up and restored again', async () => {
  const { store, signed } = await backedUp();
  const before = signed.manifest.origin;
  const known = { size: 999, root: sha256Hex('lost') };
  const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error('not needed')) };
  const made = await declareNewOrigin(
    { store, signer, clock, version: '0.1.0' },
    { noteSigners: [noteSigner()], reason: 'the disk died', by: 'ana', newestKnown: known },
    signal,
  );
  assert.notEqual(made.origin, before);
  assert.match(made.note, new RegExp(`^${made.origin}\n`));
  const verification = new LedgerVerification({ trustedKeyId: null });
  for await (const { leaf } of store.read({ fromIndex: 0, stream: null }, signal)) {
    verification.add(leaf);
  }
  assert.equal(verification.finish().firstProblem, null);
  assert.equal(verification.origin, made.origin);
  const [renaming] = verification.renamings;
  assert.deepEqual(renaming?.event.newestKnown, known);
  assert.equal(renaming?.event.fromOrigin, before);
  const again = await backupOf(store);
  const into = new MemoryLedgerStore();
  await restored(again.signed, again.files, into);
  assert.deepEqual(await contentOf(into), await contentOf(store));
});

/** One for all tests that change nothing of it. */
const shared = backedUp();

/** A world with a rollout, and its ledger as files; `failing`: versions that answer with errors. */
async function backedUp(failing: readonly number[] = []) {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await checkpoint(world.store, true);
  const older = (await world.store.checkpoints(0, signal)).at(-1)?.note ?? '';
  await running.beginCanary(2);
  await world.serve(12_000, [...failing]);
  await running.stop();
  return { ...(await backupOf(world.store)), older };
}

function sizeOf({ signed }: Pick<Backup, 'signed'>): number {
  return signed.manifest.size;
}

async function backupOf(store: MemoryLedgerStore) {
  await checkpoint(store, false);
  const newest = (await store.checkpoints(0, signal)).at(-1);
  assert.ok(newest !== undefined);
  const { size } = newest;
  const files = new Map<string, Uint8Array>();
  for await (const part of backupParts(store, size, signal)) {
    files.set(part.path, await part.content());
  }
  const origin = await originAt(store, size, signal);
  const policy = `${logPolicyLines(origin, [noteSigner()]).join('\n')}\nquorum none\n`;
  const signed = await sign(
    {
      origin,
      size,
      root: hexOfHash(await rootAt(store, size, signal)),
      checkpoint: { note: newest.note, isKept: newest.isKept },
      policy,
      settings: {},
      projections: await projectionsOf(store, { size, signer }, signal),
      madeAtMs: 0,
      version: '0.1.0',
      files: [...files]
        .map(([path, bytes]) => ({ path, sizeBytes: bytes.length, sha256: sha256Hex(bytes) }))
        .toSorted((one, other) => (one.path < other.path ? -1 : 1)),
    },
    signer,
  );
  return { store, files, signed, policy: parsePolicy(policy) };
}

async function sign(manifest: BackupManifest, by: Signer) {
  const unsigned = unsignedManifest(manifest);
  const signature = await by.sign(unsigned.signedBytes, signal);
  return readManifest(manifestText(unsigned, by.keyId, signature));
}

function restored(
  signed: Backup['signed'],
  files: ReadonlyMap<string, Uint8Array>,
  into: MemoryLedgerStore,
  trustedKeyId: string | null = null,
): Promise<void> {
  const read = async (path: string): Promise<Uint8Array> => {
    const bytes = files.get(path);
    const isNamed = signed.manifest.files.some((file) => file.path === path);
    if (bytes !== undefined && isNamed) return bytes;
    const what = { place: path, message: 'it is missing', remedy: 'find another copy of it' };
    throw new RestoreRefusal('damaged', what);
  };
  const policy = parsePolicy(signed.manifest.policy);
  const options = { trustedKeyId, policy, version: '0.1.0', onProgress: () => undefined };
  return restoreLedger({ signed, read }, into, options, signal);
}

async function contentOf(store: MemoryLedgerStore) {
  const entries = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal));
  const blobs: [string, Uint8Array | null][] = [];
  for (const { leaf } of entries) {
    const text = Buffer.from(String(JSON.parse(Buffer.from(leaf).toString()).payload), 'base64');
    const { predicate } = JSON.parse(text.toString()) as {
      predicate: { inputs: { digest: { sha256: string } }[] };
    };
    for (const { digest } of predicate.inputs) {
      blobs.push([digest.sha256, await store.blob(digest.sha256, signal)]);
    }
  }
  assert.ok(blobs.every(([, bytes]) => bytes !== null));
  const kept = await store.checkpoints(0, signal);
  return { entries, blobs, edge: await store.edge(signal), kept };
}

async function checkpoint(store: MemoryLedgerStore, isKept: boolean): Promise<void> {
  const parts = {
    store,
    tree: store,
    signers: () => [noteSigner()],
    witnesses: [],
    quorum: { kind: 'none' } as const,
    clock: { nowMs: () => 0, sleep: () => Promise.reject(new Error('not needed')) },
    onProblem: () => undefined,
  };
  await new Checkpointer(parts).make(signal, { isKept });
}

function noteSigner(seed = 1): NoteSigner {
  const by = createMemorySigner(Buffer.alloc(32, seed));
  const publicKey = rawKeyOf('ed25519', by.publicKey);
  return { type: 'ed25519', publicKey, sign: (...of) => by.sign(...of) };
}
