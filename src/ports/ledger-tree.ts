import type { Hash } from '../domain/evidence/digest.ts';
import type { EdgeState } from '../domain/evidence/merkle-edge.ts';

/**
 * The Merkle tree over a ledger's entries, and what was signed of it. Every ledger store is one of these too.
 *
 * - The edge and the hashes are written in the same transaction as the entries they are over: never ahead, never behind.
 * - A store that meets entries without a tree (written by an older program) builds it once from their bytes, before it is used.
 * - Checkpoints and snapshots are durable when their call has resolved; both are derived, and may be replaced.
 */
export interface LedgerTree {
  /** The right edge after the newest entry. */
  edge(signal: AbortSignal): Promise<EdgeState>;

  /**
   * `count` hashes of level `level` from `fromIndex` on: level 0 has the leaf hashes, level n the roots of the full subtrees of
   * 256^n leaves. Throws a LedgerError `corrupt` when one isn't there.
   */
  hashes(range: HashRange, signal: AbortSignal): Promise<readonly Hash[]>;

  /** Keeps a checkpoint; one of the same size is replaced. Those before it that are not `isKept` may go. */
  saveCheckpoint(checkpoint: StoredCheckpoint, signal: AbortSignal): Promise<void>;

  /** Oldest first, of at least this size. */
  checkpoints(fromSize: number, signal: AbortSignal): Promise<readonly StoredCheckpoint[]>;

  /** What somebody wants to find again after a restart, by a name of theirs; null: nothing. Never evidence. */
  snapshot(name: string, signal: AbortSignal): Promise<Uint8Array | null>;
  saveSnapshot(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
}

export interface HashRange {
  readonly level: number;
  readonly fromIndex: number;
  /** 1-256. */
  readonly count: number;
}

export interface StoredCheckpoint {
  readonly size: number;
  /** A signed note, word for word. */
  readonly note: string;
  /** Kept for good: something was done because of it. */
  readonly isKept: boolean;
}
