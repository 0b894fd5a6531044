import { isSame, nodeHash } from './proof-bytes.ts';

/** More than any tree of 2^64 leaves needs. */
const hashesMax = 64;

/** Whether the hashes lead from the leaf to the root: RFC 9162 section 2.1.3.2. */
export async function isIncluded(
  claim: {
    readonly index: bigint;
    readonly size: bigint;
    readonly leafHash: Uint8Array<ArrayBuffer>;
    readonly root: Uint8Array;
  },
  proof: readonly Uint8Array[],
): Promise<boolean> {
  const { index, size, root } = claim;
  if (index < 0n || index >= size || proof.length > hashesMax) return false;
  let [node, last, hash] = [index, size - 1n, claim.leafHash];
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (node % 2n === 1n || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return last === 0n && isSame(hash, root);
}
