import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256Hex } from '../domain/evidence/digest.ts';
import { BlobError, type BlobStore } from './blob-store.ts';

export interface OpenedBlobStore extends AsyncDisposable {
  readonly store: BlobStore;
}

/** What every blob store has to do; each `openStore` gives an empty one that has room for `quotaBytes` as it keeps them. */
export function blobStoreContract(
  name: string,
  openStore: (quotaBytes: number) => Promise<OpenedBlobStore>,
): void {
  const { signal } = new AbortController();
  const contract = (what: string, run: (store: BlobStore) => Promise<void>, quota = 1e6): void => {
    test(`${name} blobs: ${what}`, async () => {
      await using opened = await openStore(quota);
      await run(opened.store);
    });
  };

  contract(
    'bytes come back by their digest, again and again, and nothing comes for another',
    async (store) => {
      for (const bytes of [Buffer.from(''), Buffer.from('one'), Buffer.alloc(300_000, 7)]) {
        const digest = sha256Hex(bytes);
        await store.put(digest, bytes, signal);
        await store.put(digest, bytes, signal);
        assert.deepEqual(Buffer.from((await store.get(digest, signal)) ?? ''), bytes);
      }
      assert.equal(await store.get(sha256Hex('two'), signal), null);
      assert.equal((await digestsOf(store)).length, 3);
    },
  );

  contract('what is removed is gone, and removing it again is no error', async (store) => {
    const digest = sha256Hex('one');
    await store.put(digest, Buffer.from('one'), signal);
    await store.remove(digest, signal);
    await store.remove(digest, signal);
    assert.equal(await store.get(digest, signal), null);
    assert.deepEqual(await digestsOf(store), []);
  });

  contract(
    'what the quota has no room for is refused as full, and has room once something is removed',
    async (store) => {
      const [first, second] = [noise(700, 1), noise(700, 2)];
      await store.put(sha256Hex(first), first, signal);
      await assert.rejects(
        store.put(sha256Hex(second), second, signal),
        (error) => error instanceof BlobError && error.code === 'full',
      );
      assert.equal(await store.get(sha256Hex(second), signal), null);
      // The same bytes need no room.
      await store.put(sha256Hex(first), first, signal);
      await store.remove(sha256Hex(first), signal);
      await store.put(sha256Hex(second), second, signal);
      assert.deepEqual(await digestsOf(store), [sha256Hex(second)]);
    },
    1_000,
  );

  contract('an aborted call rejects with the reason and keeps nothing', async (store) => {
    const reason = new Error('stop');
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(store.put(sha256Hex('x'), Buffer.from('x'), aborted), reason);
    await assert.rejects(store.get(sha256Hex('x'), aborted), reason);
    await assert.rejects(store.remove(sha256Hex('x'), aborted), reason);
    assert.deepEqual(await digestsOf(store), []);
  });

  async function digestsOf(store: BlobStore): Promise<string[]> {
    const found: string[] = [];
    for await (const { sha256Hex: digest } of store.list(signal)) found.push(digest);
    return found.toSorted();
  }
}

/** Bytes that do not get smaller by compressing. */
function noise(size: number, seed: number): Uint8Array {
  let hex = '';
  for (let n = 0; hex.length < 2 * size; n += 1) hex += sha256Hex(`${seed}/${n}`);
  return Buffer.from(hex, 'hex').subarray(0, size);
}
