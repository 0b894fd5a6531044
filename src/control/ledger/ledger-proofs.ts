import { emptyRoot } from '../../domain/evidence/digest.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import { rootOf } from '../../domain/evidence/merkle-edge.ts';
import {
  consistencyRanges,
  inclusionRanges,
  rangeHash,
  subtreesOf,
} from '../../domain/evidence/merkle-proof.ts';
import type { LeafRange, SubtreePlace } from '../../domain/evidence/merkle-proof.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';

type Hashes = Pick<LedgerTree, 'hashes'>;

/** The hashes that lead from leaf `index` to the root of the first `size` leaves; index < size <= those of the store. */
export function inclusionProof(
  tree: Hashes,
  place: { readonly index: number; readonly size: number },
  signal: AbortSignal,
): Promise<readonly Hash[]> {
  return hashesOf(tree, inclusionRanges(place.index, place.size), signal);
}

/** The hashes that show that the tree of `second` leaves begins with that of `first`; empty when first is 0. */
export async function consistencyProof(
  tree: Hashes,
  sizes: { readonly first: number; readonly second: number },
  signal: AbortSignal,
): Promise<readonly Hash[]> {
  const { first, second } = sizes;
  return first === 0 ? [] : hashesOf(tree, consistencyRanges(first, second), signal);
}

/** The root over the first `size` leaves. */
export async function rootAt(tree: Hashes, size: number, signal: AbortSignal): Promise<Hash> {
  if (size === 0) return emptyRoot();
  const [root] = await hashesOf(tree, [{ fromIndex: 0, toIndex: size }], signal);
  return root ?? emptyRoot();
}

async function hashesOf(
  tree: Hashes,
  ranges: readonly LeafRange[],
  signal: AbortSignal,
): Promise<readonly Hash[]> {
  const hashes: Hash[] = [];
  for (const range of ranges) {
    const roots: Hash[] = [];
    for (const place of subtreesOf(range)) roots.push(await subtreeRoot(tree, place, signal));
    hashes.push(rangeHash(roots));
  }
  return hashes;
}

/** At most 256 hashes of the highest level below it are read and joined. */
async function subtreeRoot(
  tree: Hashes,
  { height, index }: SubtreePlace,
  signal: AbortSignal,
): Promise<Hash> {
  const level = Math.floor(height / LEVEL_HEIGHT);
  const count = 2 ** (height % LEVEL_HEIGHT);
  return rootOf(await tree.hashes({ level, fromIndex: index * count, count }, signal));
}

/** A level has the roots of subtrees 8 higher than the one below: 256 hashes make one. */
const LEVEL_HEIGHT = 8;
