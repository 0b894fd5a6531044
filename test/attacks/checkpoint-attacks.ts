/** Attacks on what makes a checkpoint, a proof or a witness believed. Each tells whether it came through. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import {
  exportedLedger,
  type ExportedLedger,
} from '../../src/apps/verify/exported-ledger.fixture.ts';
import { verifyFolder } from '../../src/apps/verify/verify-folder.ts';
import { verifyProof } from '../../src/apps/verify/verify-proof.ts';
import { WitnessStore } from '../../src/apps/witness/witness-store.ts';
import { Checkpointer } from '../../src/control/ledger/checkpointer.ts';
import { inclusionProof } from '../../src/control/ledger/ledger-proofs.ts';
import { checkpointText } from '../../src/domain/evidence/checkpoint.ts';
import { leafHash } from '../../src/domain/evidence/digest.ts';
import { judgeCheckpoint } from '../../src/domain/evidence/judge-checkpoint.ts';
import { formatVkey, noteKey, rawKeyOf } from '../../src/domain/evidence/note-key.ts';
import { formatNote, parseNote } from '../../src/domain/evidence/signed-note.ts';
import { formatProof } from '../../src/domain/evidence/tlog-proof.ts';
import { parsePolicy } from '../../src/domain/evidence/trust-policy.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { isAccepted } from './is-accepted.ts';

const SIZE = 6;

/** One witness is put into a group of two twice, and cosigns once. */
export async function witnessTwiceInGroup(folder: string): Promise<boolean> {
  const { note, policyText } = await witnessed(folder);
  const text = policyText.replace('quorum w', 'group both 2 w w\nquorum both');
  return isAccepted(() => judgeCheckpoint(Buffer.from(note), parsePolicy(text), 'strict'));
}

/** A signature's line stands in the note twice. */
export async function lineTwice(folder: string): Promise<boolean> {
  const { note, policyText } = await witnessed(folder);
  const { text, lines } = parseNote(Buffer.from(note));
  const twice = formatNote({ text, lines: [...lines, ...lines.slice(-1)] });
  return isAccepted(() => judgeCheckpoint(Buffer.from(twice), parsePolicy(policyText), 'strict'));
}

/** The proof of entry 3 is shown with the bytes of entry 4. */
export async function proofOfAnotherEntry(folder: string): Promise<boolean> {
  const { store, note, policyText } = await witnessed(folder);
  const hashes = await inclusionProof(store, { index: 3, size: SIZE }, signal());
  const [entry] = await Array.fromAsync(store.read({ fromIndex: 4, stream: null }, signal()));
  const proof = Buffer.from(formatProof({ index: 3n, hashes, note }));
  const policy = parsePolicy(policyText);
  const bytes = entry?.leaf ?? new Uint8Array();
  return verifyProof({ proof, entry: bytes, policy, strictness: 'strict' }).valid;
}

/** Each signature of the checkpoint is other bytes of the same length. */
export async function badSignatures(folder: string): Promise<boolean> {
  const { note, policyText } = await witnessed(folder);
  const { text, lines } = parseNote(Buffer.from(note));
  const bad = lines.map((line) => ({ ...line, signature: line.signature.map((byte) => byte ^ 1) }));
  const changed = Buffer.from(formatNote({ text, lines: bad }));
  return isAccepted(() => judgeCheckpoint(changed, parsePolicy(policyText), 'strict'));
}

/** Whoever has the log's keys writes all entries but the first anew; only the witness does not help. */
export async function historyRewritten(folder: string): Promise<boolean> {
  const { policyText } = await witnessed(folder);
  const other = await exportedLedger(join(folder, 'keys'), SIZE, {
    seed: 1,
    isWitnessed: false,
    fork: 'rewritten',
  });
  await other.writeTo(join(folder, 'export'));
  return isBelieved(join(folder, 'export'), policyText);
}

/** A chain of entries of its own, each link signed and right, under the checkpoint of another. */
export async function secondChain(folder: string): Promise<boolean> {
  const { note, policyText } = await witnessed(folder);
  const keys = join(folder, 'keys');
  const options = { seed: 1, isWitnessed: false, fork: 'second chain' };
  await (await exportedLedger(keys, SIZE, options)).writeTo(join(folder, 'export'));
  await writeFile(join(folder, 'export', 'checkpoint'), note);
  return isBelieved(join(folder, 'export'), policyText);
}

/** The root and the entries are as they were, and a tile says something else. */
export async function tileOfOtherHashes(folder: string): Promise<boolean> {
  const ledger = await witnessed(folder);
  const target = join(folder, 'export');
  await ledger.writeTo(join(folder, 'good'));
  await cp(join(folder, 'good'), target, { recursive: true });
  await writeFile(join(target, 'tile', '0', '000.p', `${SIZE}`), Buffer.alloc(SIZE * 32));
  return isBelieved(target, ledger.policyText);
}

/** The key of one log signs a checkpoint of another one, whose name begins with that of the first. */
export async function nameOfAnotherLog(): Promise<boolean> {
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const key = noteKey('log.example/shop', 'ed25519', rawKeyOf('ed25519', signer.publicKey));
  const policy = parsePolicy(`log ${formatVkey(key)}\nquorum none\n`);
  const root = leafHash(Buffer.from('entry'));
  const text = checkpointText({ origin: 'log.example/shop-of-mallory', size: 1n, root });
  const signature = await signer.sign(Buffer.from(text), signal());
  const note = formatNote({ text, lines: [{ name: key.name, keyId: key.keyId, signature }] });
  return isAccepted(() => judgeCheckpoint(Buffer.from(note), policy, 'strict'));
}

/** Two requests are checked against the same size, and both stored: a fork that one witness has cosigned. */
export async function witnessRace(folder: string): Promise<boolean> {
  using store = await witnessOf(folder);
  const origin = store.origins()[0] ?? '';
  const [one, other] = ['one', 'other'].map((name) => leafHash(Buffer.from(name)));
  const first = store.advance({ origin, size: 9n, root: one ?? Buffer.alloc(0) }, 0n);
  const second = store.advance({ origin, size: 9n, root: other ?? Buffer.alloc(0) }, 0n);
  return first && second;
}

/** What a witness has seen is put back to a smaller size. */
export async function witnessPutBack(folder: string): Promise<boolean> {
  using store = await witnessOf(folder);
  const origin = store.origins()[0] ?? '';
  const root = leafHash(Buffer.from('root'));
  store.advance({ origin, size: 9n, root }, 0n);
  return isAccepted(() => {
    store.advance({ origin, size: 4n, root }, 9n);
  });
}

/** The store lost entries that were acknowledged, as a failover or an old copy does, and goes on signing. */
export async function acknowledgedEntriesGone(folder: string): Promise<boolean> {
  const { store, signers, note } = await witnessed(folder);
  const older = new MemoryLedgerStore();
  for await (const entry of store.read({ fromIndex: 0, stream: null }, signal())) {
    if (entry.index === SIZE - 2) break;
    const { index, ...rest } = entry;
    await older.append({ expectedSize: index, entries: [rest], blobs: [] }, signal());
  }
  await older.saveCheckpoint({ size: SIZE, note, isKept: true }, signal());
  const clock = { nowMs: () => 1, sleep: () => Promise.reject(new Error('not needed')) };
  const checkpointer = new Checkpointer({
    store: older,
    tree: older,
    signers: () => signers,
    witnesses: [],
    quorum: { kind: 'none' },
    clock,
    onProblem: () => undefined,
  });
  try {
    await checkpointer.make(signal());
    return true;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'corrupt') return false;
    throw error;
  }
}

function witnessed(folder: string): Promise<ExportedLedger> {
  return exportedLedger(join(folder, 'keys'), SIZE, { seed: 1, isWitnessed: true });
}

async function witnessOf(folder: string): Promise<WitnessStore> {
  const { publicKey } = createMemorySigner(Buffer.alloc(32, 1));
  const key = noteKey('log.example/shop', 'ed25519', rawKeyOf('ed25519', publicKey));
  const store = await WitnessStore.open(join(folder, 'witness'));
  store.addKey(formatVkey(key));
  return store;
}

async function isBelieved(folder: string, policyText: string): Promise<boolean> {
  const policy = parsePolicy(policyText);
  const onProgress = (): void => undefined;
  const options = { folder, policy, strictness: 'strict' as const, workers: 1, onProgress };
  return (await verifyFolder(options)).valid;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
