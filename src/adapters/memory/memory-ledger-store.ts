import type { Hash } from '../../domain/evidence/digest.ts';
import { MerkleEdge } from '../../domain/evidence/merkle-edge.ts';
import type { EdgeState } from '../../domain/evidence/merkle-edge.ts';
import { TILE_WIDTH } from '../../domain/evidence/tile.ts';
import { checkBatch } from '../../ports/check-batch.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type {
  LedgerBatch,
  LedgerHead,
  LedgerQuery,
  LedgerStore,
  StoredEntry,
} from '../../ports/ledger-store.ts';
import type { HashRange, LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';

/** A ledger that lives as long as the object: for tests and simulated worlds. It survives a crash of its users. */
export class MemoryLedgerStore implements LedgerStore, LedgerTree {
  readonly #entries: StoredEntry[] = [];
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #edge = MerkleEdge.empty();
  /** By level, from 1 on: the roots of full subtrees of 256^level leaves. */
  readonly #roots = new Map<number, Hash[]>();
  #checkpoints: StoredCheckpoint[] = [];
  readonly #snapshots = new Map<string, Uint8Array>();

  async head(signal: AbortSignal): Promise<LedgerHead> {
    signal.throwIfAborted();
    return { size: this.#entries.length, leafHash: this.#entries.at(-1)?.leafHash ?? null };
  }

  async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    signal.throwIfAborted();
    checkBatch(batch);
    if (batch.expectedSize !== this.#entries.length) return 'conflict';
    for (const { stream, leaf, leafHash } of batch.entries) {
      this.#entries.push({ index: this.#entries.length, stream, leaf: leaf.slice(), leafHash });
      this.#grow(Buffer.from(leafHash, 'hex'));
    }
    for (const blob of batch.blobs) this.#blobs.set(blob.sha256Hex, blob.bytes.slice());
    return 'appended';
  }

  async *read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry> {
    const end = this.#entries.length;
    for (let index = query.fromIndex; index < end; index += 1) {
      signal.throwIfAborted();
      const entry = this.#entries[index];
      if (entry === undefined) return;
      if (query.stream !== null && query.stream !== entry.stream) continue;
      yield { ...entry, leaf: entry.leaf.slice() };
    }
  }

  async blob(sha256Hex: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return this.#blobs.get(sha256Hex)?.slice() ?? null;
  }

  async edge(signal: AbortSignal): Promise<EdgeState> {
    signal.throwIfAborted();
    return this.#edge.state();
  }

  async hashes({ level, fromIndex, count }: HashRange, signal: AbortSignal): Promise<Hash[]> {
    signal.throwIfAborted();
    const found =
      level === 0
        ? this.#entries
            .slice(fromIndex, fromIndex + count)
            .map(({ leafHash }) => Buffer.from(leafHash, 'hex'))
        : (this.#roots.get(level) ?? []).slice(fromIndex, fromIndex + count);
    if (found.length === count) return found;
    const what = `cannot read the tree: hash ${fromIndex + found.length} of level ${level} is missing`;
    throw new LedgerError('corrupt', what, { retryable: false });
  }

  async saveCheckpoint(checkpoint: StoredCheckpoint, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const kept = this.#checkpoints.filter(
      (each) => each.size > checkpoint.size || (each.isKept && each.size < checkpoint.size),
    );
    this.#checkpoints = [...kept, checkpoint].toSorted((a, b) => a.size - b.size);
  }

  async checkpoints(fromSize: number, signal: AbortSignal): Promise<readonly StoredCheckpoint[]> {
    signal.throwIfAborted();
    return this.#checkpoints.filter(({ size }) => size >= fromSize);
  }

  async snapshot(name: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return this.#snapshots.get(name)?.slice() ?? null;
  }

  async saveSnapshot(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#snapshots.set(name, bytes.slice());
  }

  #grow(leafHash: Hash): void {
    for (const { leaves, hash } of this.#edge.append(leafHash)) {
      const level = Math.log2(leaves) / Math.log2(TILE_WIDTH);
      if (!Number.isInteger(level)) continue;
      this.#roots.set(level, [...(this.#roots.get(level) ?? []), hash]);
    }
  }
}
