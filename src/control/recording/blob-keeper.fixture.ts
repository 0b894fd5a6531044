import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { LedgerVerification } from '../../domain/evidence/verify-ledger.ts';
import type { BlobError, BlobStore } from '../../ports/blob-store.ts';
import { BlobKeeper } from './blob-keeper.ts';
import { openRecorder } from './recorder.ts';

const { signal } = new AbortController();

export const dayMs = 24 * 60 * 60 * 1000;

/** A keeper on a ledger in memory, with a store and a clock that do as they are told. */
export async function keeping() {
  const time = { nowMs: 1_700_000_000_000 };
  const clock = {
    nowMs: () => time.nowMs,
    sleep: () => Promise.reject(new Error('not needed')),
  };
  const ledger = new MemoryLedgerStore();
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const recorder = await openRecorder({ store: ledger, signer, clock, version: '0.1.0' }, signal);
  const files = new Map<string, { readonly bytes: Uint8Array; readonly atMs: number }>();
  const trouble: { error: BlobError | null; removal: BlobError | null } = {
    error: null,
    removal: null,
  };
  const store: BlobStore = {
    put: async (sha256, bytes) => {
      if (trouble.error !== null) throw trouble.error;
      files.set(sha256, { bytes, atMs: time.nowMs });
    },
    get: async (sha256) => files.get(sha256)?.bytes ?? null,
    list: async function* () {
      for (const [digest, { bytes, atMs }] of files) {
        yield { sha256Hex: digest, storedBytes: bytes.length, storedAtMs: atMs };
      }
    },
    remove: async (sha256) => {
      if (trouble.removal !== null) throw trouble.removal;
      files.delete(sha256);
    },
  };
  const said: string[] = [];
  const log = (_: string, message: string): void => void said.push(message);
  const keeper = new BlobKeeper({ store, recorder, clock, retentionMs: 90 * dayMs, log });
  return { keeper, recorder, ledger, files, trouble, time, said };
}

export async function firstProblem(ledger: MemoryLedgerStore) {
  const verification = new LedgerVerification({ trustedKeyId: null });
  for await (const { leaf } of ledger.read({ fromIndex: 0, stream: null }, signal)) {
    verification.add(leaf);
  }
  return verification.finish().firstProblem;
}
