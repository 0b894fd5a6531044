import assert from 'node:assert/strict';

import { hexOfHash, leafHash } from '../domain/evidence/digest.ts';
import { MerkleEdge, rootOf } from '../domain/evidence/merkle-edge.ts';
import { LedgerError } from './ledger-store.ts';
import type { LedgerStore, NewEntry } from './ledger-store.ts';
import type { LedgerTree } from './ledger-tree.ts';

type Contract = (what: string, run: (store: LedgerStore & LedgerTree) => Promise<void>) => void;

/** Sizes around a full tile, the second one, and a batch that crosses a tile's end. */
const BATCHES = [1, 254, 1, 1, 255, 300, 3];

/** What the tree of every ledger store has to do. */
export function ledgerTreeContract(contract: Contract): void {
  contract('the tree of an empty one is empty', async (store) => {
    assert.deepEqual(await store.edge(signal()), { size: 0, hashes: [] });
    assert.deepEqual(await store.checkpoints(0, signal()), []);
    assert.equal(await store.snapshot('recorder', signal()), null);
  });

  contract('edge and hashes are those of the entries after each append', async (store) => {
    let size = 0;
    for (const count of BATCHES) {
      const entries = Array.from({ length: count }, (_, n) => entryOf(size + n));
      await store.append({ expectedSize: size, entries, blobs: [] }, signal());
      size += count;
      const leaves = Array.from({ length: size }, (_, n) => leafHash(leafOf(n)));
      const state = await store.edge(signal());
      assert.equal(state.size, size);
      const root = MerkleEdge.of(state)?.root() ?? Buffer.alloc(0);
      assert.equal(hexOfHash(root), hexOfHash(rootOf(leaves)), `size ${size}`);
      const from = Math.max(0, size - 100);
      const range = { level: 0, fromIndex: from, count: size - from };
      const hashes = await store.hashes(range, signal());
      assert.deepEqual(hashes.map(hexOfHash), leaves.slice(from).map(hexOfHash));
      const tiles = Math.floor(size / 256);
      if (tiles === 0) continue;
      const roots = await store.hashes({ level: 1, fromIndex: 0, count: tiles }, signal());
      const want = Array.from({ length: tiles }, (_, n) =>
        hexOfHash(rootOf(leaves.slice(n * 256, (n + 1) * 256))),
      );
      assert.deepEqual(roots.map(hexOfHash), want);
    }
  });

  contract('a refused append leaves the tree as it was', async (store) => {
    await store.append({ expectedSize: 0, entries: [entryOf(0)], blobs: [] }, signal());
    const before = await store.edge(signal());
    const conflict = { expectedSize: 0, entries: [entryOf(1)], blobs: [] };
    assert.equal(await store.append(conflict, signal()), 'conflict');
    const wrong = { ...entryOf(1), leafHash: hexOfHash(leafHash(Buffer.from('other'))) };
    const invalid = { expectedSize: 1, entries: [entryOf(1), wrong], blobs: [] };
    await assert.rejects(store.append(invalid, signal()), LedgerError);
    assert.deepEqual(await store.edge(signal()), before);
  });

  contract('hashes that are not there are an error and not a shorter answer', async (store) => {
    await store.append({ expectedSize: 0, entries: [entryOf(0)], blobs: [] }, signal());
    for (const range of [
      { level: 0, fromIndex: 0, count: 2 },
      { level: 1, fromIndex: 0, count: 1 },
    ]) {
      await assert.rejects(store.hashes(range, signal()), LedgerError);
    }
  });

  contract('the newest checkpoint and the kept ones stay, of one size the last', async (store) => {
    const save = (size: number, note: string, isKept: boolean) =>
      store.saveCheckpoint({ size, note, isKept }, signal());
    await save(1, 'one', false);
    await save(2, 'two', true);
    await save(3, 'three', false);
    await save(4, 'four', false);
    await save(4, 'four, cosigned', false);
    const found = await store.checkpoints(0, signal());
    assert.deepEqual(
      found.map(({ size, note }) => [size, note]),
      [
        [2, 'two'],
        [4, 'four, cosigned'],
      ],
    );
    assert.equal((await store.checkpoints(3, signal())).length, 1);
  });

  contract('a snapshot is replaced by the next of its name', async (store) => {
    await store.saveSnapshot('recorder', Buffer.from('first'), signal());
    await store.saveSnapshot('recorder', Buffer.from('second'), signal());
    assert.equal(
      Buffer.from((await store.snapshot('recorder', signal())) ?? []).toString(),
      'second',
    );
    assert.equal(await store.snapshot('other', signal()), null);
  });
}

function leafOf(index: number): Uint8Array {
  return Buffer.from(`leaf ${index}`);
}

function entryOf(index: number): NewEntry {
  const leaf = leafOf(index);
  return { stream: `s${index % 3}`, leaf, leafHash: hexOfHash(leafHash(leaf)) };
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
