import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assert as assertProperty, asyncProperty, nat } from 'fast-check';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { hexOfHash, leafHash } from '../../domain/evidence/digest.ts';
import { rootOf } from '../../domain/evidence/merkle-edge.ts';
import { isConsistent, isIncluded } from '../../domain/evidence/merkle-proof.ts';
import { consistencyProof, inclusionProof, rootAt } from './ledger-proofs.ts';

const SIZE = 256 * 256 + 300;

test(`proofs from a store of ${SIZE} entries verify at any index and between any sizes`, async () => {
  const store = new MemoryLedgerStore();
  const leaves = Array.from({ length: SIZE }, (_, n) => Buffer.from(`${n}`));
  const entries = leaves.map((leaf) => ({
    stream: 's',
    leaf,
    leafHash: hexOfHash(leafHash(leaf)),
  }));
  await store.append({ expectedSize: 0, entries, blobs: [] }, signal());
  const hashes = leaves.map(leafHash);
  assert.equal(hexOfHash(await rootAt(store, SIZE, signal())), hexOfHash(rootOf(hashes)));
  await assertProperty(
    asyncProperty(nat(SIZE - 1), nat(SIZE - 1), async (one, other) => {
      const index = Math.min(one, other);
      const size = Math.max(one, other) + 1;
      const root = await rootAt(store, size, signal());
      const leaf = hashes[index] ?? Buffer.alloc(0);
      const claim = { index: BigInt(index), size: BigInt(size), leafHash: leaf, root };
      assert.ok(isIncluded(claim, await inclusionProof(store, { index, size }, signal())));
      const first = { size: BigInt(index), root: await rootAt(store, index, signal()) };
      const proof = await consistencyProof(store, { first: index, second: size }, signal());
      assert.ok(isConsistent({ first, second: { size: BigInt(size), root } }, proof));
    }),
    { numRuns: 40 },
  );
});

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
