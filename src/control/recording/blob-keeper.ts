import { sha256Hex } from '../../domain/evidence/digest.ts';
import {
  applyBlobEvent,
  BLOB_STREAM,
  type BlobDescriptor,
  type BlobEvent,
  blobEventData,
  type BlobState,
  readBlobEvent,
} from '../../domain/evidence/blob-event.ts';
import { BlobError, type BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { Recorder } from './recorder.ts';
import { RecorderError } from './recorder-index.ts';

/** Bytes to be kept beside the ledger, and what they are. */
export interface BlobItem {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface KeptBlobs {
  readonly stored: readonly BlobDescriptor[];
  readonly refused: readonly RefusedBlob[];
}

interface RefusedBlob {
  readonly blob: BlobDescriptor;
  readonly reason: string;
}

export interface BlobKeeperParts {
  readonly store: BlobStore;
  readonly recorder: Pick<Recorder, 'record' | 'replay'>;
  readonly clock: Clock;
  /** Blobs older than this go; Infinity: never. */
  readonly retentionMs: number;
  readonly log: (level: 'info' | 'error', message: string) => void;
}

/**
 * Keeps large bytes beside the ledger, and says in it what became of them.
 *
 * K1 bytes are durable before the entry that refers to them;
 * K2 what can't be kept (quota, disk) is an entry with the reason and the digest it would have had, and never an error to the caller:
 *    no decision waits for a blob;
 * K3 an entry says that a blob goes before it is deleted, so that a blob that is missing without one is missing.
 */
export class BlobKeeper {
  readonly #parts: BlobKeeperParts;

  constructor(parts: BlobKeeperParts) {
    this.#parts = parts;
  }

  async keep(
    about: Pick<BlobEvent, 'service' | 'rolloutId'>,
    items: readonly BlobItem[],
    signal: AbortSignal,
  ): Promise<KeptBlobs> {
    const stored: BlobDescriptor[] = [];
    const refused: RefusedBlob[] = [];
    for (const { name, mediaType, bytes } of items) {
      const blob = { name, mediaType, sha256: sha256Hex(bytes), sizeBytes: bytes.length };
      try {
        await this.#parts.store.put(blob.sha256, bytes, signal);
        stored.push(blob);
      } catch (error) {
        if (!(error instanceof BlobError)) throw error;
        refused.push({ blob, reason: error.message });
        this.#parts.log('error', `${error.message}; ${name} of ${about.service} is not kept`);
      }
    }
    if (stored.length > 0) {
      await this.#record({ action: 'stored', ...about, reason: null, blobs: stored }, signal);
    }
    for (const { blob, reason } of refused) {
      await this.#record({ action: 'not-stored', ...about, reason, blobs: [blob] }, signal);
    }
    return { stored, refused };
  }

  /** Deletes what is over its time, and files no entry speaks of that a crash left behind. */
  async retire(signal: AbortSignal): Promise<void> {
    const { store, recorder, clock, retentionMs } = this.#parts;
    const known = await knownBlobs(recorder, signal);
    const nowMs = clock.nowMs();
    const due = [...known.values()].filter(
      ({ action, atMs }) => action === 'stored' && nowMs - atMs > retentionMs,
    );
    const reason = `kept for ${Math.round(retentionMs / DAY_MS)} days`;
    for (const { service, rolloutId, name, mediaType, sha256, sizeBytes } of due) {
      const blobs = [{ name, mediaType, sha256, sizeBytes }];
      await this.#record({ action: 'retired', service, rolloutId, reason, blobs }, signal);
    }
    const wanted = await knownBlobs(recorder, signal);
    for await (const { sha256Hex: digest, storedAtMs } of store.list(signal)) {
      const isWanted = wanted.get(digest)?.action === 'stored';
      // A young one may be waiting for its entry.
      const isYoung = !wanted.has(digest) && nowMs - storedAtMs < ORPHAN_AFTER_MS;
      if (!isWanted && !isYoung) await store.remove(digest, signal);
    }
  }

  async #record(event: BlobEvent, signal: AbortSignal): Promise<void> {
    const { recorder, clock } = this.#parts;
    const entry = {
      type: 'blob-event',
      subjects: event.blobs.map(({ name, sha256 }) => ({ name, sha256 })),
      idempotencyKey: `${event.action} ${clock.nowMs()} ${event.blobs[0]?.sha256 ?? ''}`,
      data: blobEventData(event),
    } as const;
    await recorder.record({ stream: BLOB_STREAM, entries: [entry], blobs: [] }, signal);
  }
}

/** By digest, after all entries. */
export async function knownBlobs(
  recorder: Pick<Recorder, 'replay'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, BlobState>> {
  const known = new Map<string, BlobState>();
  for await (const { data, observedAtMs } of recorder.replay(BLOB_STREAM, signal)) {
    applyBlobEvent(known, readBlobEvent(data), observedAtMs);
  }
  return known;
}

/** What may fail in keeping a blob and is told, not thrown: the ledger in trouble, a server that stops. */
export function isPassingTrouble(error: unknown): boolean {
  return (
    error instanceof BlobError || error instanceof LedgerError || error instanceof RecorderError
  );
}

const DAY_MS = 24 * 60 * 60 * 1000;
const ORPHAN_AFTER_MS = 60 * 60 * 1000;
