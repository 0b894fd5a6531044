import { emptyRoot, HASH_BYTES, nodeHash } from './digest.ts';
import type { Hash } from './digest.ts';

/**
 * The right edge of a Merkle tree (RFC 6962 section 2.1): the roots of the full subtrees that the leaves so far fall into, the
 * largest first. It is all that has to be known of a tree to add leaves to it and to give its root.
 *
 *   size 7 = 4 + 2 + 1:   edge = [ root of leaves 0-3, root of leaves 4-5, leaf 6 ]
 *
 * Sizes are safe integers (below 2^53), reckoned without bit operators, which cut numbers to 32 bits.
 */
export class MerkleEdge {
  readonly #hashes: Hash[];
  #size: number;

  private constructor(size: number, hashes: readonly Hash[]) {
    this.#size = size;
    this.#hashes = [...hashes];
  }

  static empty(): MerkleEdge {
    return new MerkleEdge(0, []);
  }

  /** Null when these can't be the right edge of a tree of this size. */
  static of(state: EdgeState): MerkleEdge | null {
    const { size, hashes } = state;
    const isSize = Number.isSafeInteger(size) && size >= 0;
    if (!isSize || hashes.length !== subtreeSizes(size).length) return null;
    if (hashes.some((hash) => hash.length !== HASH_BYTES)) return null;
    return new MerkleEdge(size, hashes);
  }

  get size(): number {
    return this.#size;
  }

  state(): EdgeState {
    return { size: this.#size, hashes: [...this.#hashes] };
  }

  /** What this leaf completed: the full subtrees whose last leaf it is, itself left out, the lowest first. */
  append(leafHash: Hash): readonly FullSubtree[] {
    const completed: FullSubtree[] = [];
    let hash = leafHash;
    let leaves = 1;
    // As in adding one to a binary number: each full subtree of the same height is carried over.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#hashes.pop();
      if (left === undefined) throw new Error('the right edge has fewer subtrees than its size');
      hash = nodeHash(left, hash);
      leaves *= 2;
      completed.push({ leaves, hash });
    }
    this.#hashes.push(hash);
    this.#size += 1;
    return completed;
  }

  root(): Hash {
    return foldRight(this.#hashes) ?? emptyRoot();
  }
}

export interface FullSubtree {
  /** A power of two. */
  readonly leaves: number;
  readonly hash: Hash;
}

export interface EdgeState {
  readonly size: number;
  /** Of the full subtrees, the largest first. */
  readonly hashes: readonly Hash[];
}

/** The sizes of the full subtrees of a tree, the largest first: the powers of two that sum to `size`. */
export function subtreeSizes(size: number): readonly number[] {
  const sizes: number[] = [];
  let power = 1;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) sizes.unshift(power);
    power *= 2;
  }
  return sizes;
}

/** The hash over full subtrees that stand side by side, the largest first; null of none. */
export function foldRight(hashes: readonly Hash[]): Hash | null {
  let hash = hashes.at(-1);
  if (hash === undefined) return null;
  for (let at = hashes.length - 2; at >= 0; at -= 1) {
    const left = hashes[at];
    if (left !== undefined) hash = nodeHash(left, hash);
  }
  return hash;
}

/** The root over leaf hashes, or over the roots of equally high full subtrees. */
export function rootOf(hashes: Iterable<Hash>): Hash {
  const edge = MerkleEdge.empty();
  for (const hash of hashes) edge.append(hash);
  return edge.root();
}
