import { isSameHash, nodeHash } from './digest.ts';
import type { Hash } from './digest.ts';
import { foldRight, subtreeSizes } from './merkle-edge.ts';

/**
 * Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2), and their verification (RFC 9162 sections 2.1.3.2
 * and 2.1.4.2).
 *
 * A proof is made in two steps, so that nothing here reads a store: which ranges of leaves its hashes are over, and the hash of
 * each. Making is over a ledger of our own (safe integers); verifying is over anybody's numbers (bigint, up to 2^64).
 */

/** The leaves fromIndex <= index < toIndex. */
export interface LeafRange {
  readonly fromIndex: number;
  readonly toIndex: number;
}

/** A full subtree: the leaves index * 2^height to (index + 1) * 2^height. */
export interface SubtreePlace {
  readonly height: number;
  readonly index: number;
}

/** More than any tree of 2^64 leaves needs. */
export const MAX_PROOF_HASHES = 64;

/** The ranges whose hashes show that leaf `index` is in the tree of `size` leaves, from the leaf's sibling up. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let fromIndex = 0;
  let toIndex = size;
  while (toIndex - fromIndex > 1) {
    const middle = fromIndex + splitOf(toIndex - fromIndex);
    if (index < middle) {
      ranges.unshift({ fromIndex: middle, toIndex });
      toIndex = middle;
    } else {
      ranges.unshift({ fromIndex, toIndex: middle });
      fromIndex = middle;
    }
  }
  return ranges;
}

/** The ranges whose hashes show that the tree of `second` leaves begins with that of `first`; 0 < first <= second. */
export function consistencyRanges(first: number, second: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let fromIndex = 0;
  let toIndex = second;
  /** Whether the verifier has the hash of the part of the first tree that is looked at: it is that tree. */
  let isKnown = true;
  while (toIndex !== first) {
    const middle = fromIndex + splitOf(toIndex - fromIndex);
    if (first <= middle) {
      ranges.unshift({ fromIndex: middle, toIndex });
      toIndex = middle;
    } else {
      ranges.unshift({ fromIndex, toIndex: middle });
      fromIndex = middle;
      isKnown = false;
    }
  }
  return isKnown ? ranges : [{ fromIndex, toIndex }, ...ranges];
}

/** The full subtrees a range of a proof consists of, the largest first. Ranges of proofs begin at such a place. */
export function subtreesOf({ fromIndex, toIndex }: LeafRange): readonly SubtreePlace[] {
  const places: SubtreePlace[] = [];
  let from = fromIndex;
  for (const leaves of subtreeSizes(toIndex - fromIndex)) {
    places.push({ height: Math.log2(leaves), index: from / leaves });
    from += leaves;
  }
  return places;
}

/** The hash over a range from those of `subtreesOf` it. */
export function rangeHash(hashes: readonly Hash[]): Hash {
  const hash = foldRight(hashes);
  if (hash === null) throw new Error('a range of a proof has no leaves');
  return hash;
}

export interface InclusionClaim {
  readonly index: bigint;
  readonly size: bigint;
  readonly leafHash: Hash;
  readonly root: Hash;
}

export function isIncluded(claim: InclusionClaim, proof: readonly Hash[]): boolean {
  const { index, size, leafHash, root } = claim;
  if (index < 0n || index >= size || proof.length > MAX_PROOF_HASHES) return false;
  let node = index;
  let last = size - 1n;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return last === 0n && isSameHash(hash, root);
}

export interface ConsistencyClaim {
  readonly first: { readonly size: bigint; readonly root: Hash };
  readonly second: { readonly size: bigint; readonly root: Hash };
}

/** Whether the second tree begins with all the leaves of the first; an empty first tree needs no proof and takes none. */
export function isConsistent(claim: ConsistencyClaim, proof: readonly Hash[]): boolean {
  const { first, second } = claim;
  if (first.size < 0n || first.size > second.size || proof.length > MAX_PROOF_HASHES) return false;
  if (first.size === 0n) return proof.length === 0;
  if (first.size === second.size) {
    return proof.length === 0 && isSameHash(first.root, second.root);
  }
  if (proof.length === 0) return false;
  // A first tree that is one full subtree is its own first node, which the proof then leaves out.
  const [start, ...rest] = isPowerOfTwo(first.size) ? [first.root, ...proof] : proof;
  return start !== undefined && climb(claim, start, rest);
}

function climb(claim: ConsistencyClaim, start: Hash, rest: readonly Hash[]): boolean {
  let node = claim.first.size - 1n;
  let last = claim.second.size - 1n;
  while (isOdd(node)) [node, last] = [node / 2n, last / 2n];
  let before = start;
  let after = start;
  for (const hash of rest) {
    if (last === 0n) return false;
    if (isOdd(node) || node === last) {
      before = nodeHash(hash, before);
      after = nodeHash(hash, after);
      while (!isOdd(node) && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      after = nodeHash(after, hash);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return (
    last === 0n && isSameHash(before, claim.first.root) && isSameHash(after, claim.second.root)
  );
}

/** The largest power of two below `count`, for count > 1: where RFC 6962 splits a tree. */
function splitOf(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function isOdd(value: bigint): boolean {
  return value % 2n === 1n;
}

function isPowerOfTwo(value: bigint): boolean {
  let rest = value;
  while (rest > 1n && rest % 2n === 0n) rest /= 2n;
  return rest === 1n;
}
