import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leafHashHex, sha256Hex } from '../domain/evidence/digest.ts';
import { LedgerError } from './ledger-store.ts';
import type { LedgerStore, NewBlob, NewEntry, StoredEntry } from './ledger-store.ts';
import { ledgerTreeContract } from './ledger-tree.contract.ts';
import type { LedgerTree } from './ledger-tree.ts';

export interface OpenedLedgerStore extends AsyncDisposable {
  readonly store: LedgerStore & LedgerTree;
}

/** What every ledger store has to do; each `openStore` gives an empty one. */
export function ledgerStoreContract(
  name: string,
  openStore: () => Promise<OpenedLedgerStore>,
): void {
  const contract = (
    what: string,
    run: (store: LedgerStore & LedgerTree) => Promise<void>,
  ): void => {
    test(`${name} ledger: ${what}`, async () => {
      await using opened = await openStore();
      await run(opened.store);
    });
  };
  appendContract(contract);
  readContract(contract);
  refusalContract(contract);
  ledgerTreeContract(contract);
}

type Contract = (what: string, run: (store: LedgerStore & LedgerTree) => Promise<void>) => void;

function appendContract(contract: Contract): void {
  contract('an empty one has size 0 and no head', async (store) => {
    assert.deepEqual(await store.head(signal()), { size: 0, leafHash: null });
    assert.deepEqual(await all(store, 0, null), []);
  });

  contract('entries get the indexes from expectedSize on', async (store) => {
    const [a, b, c] = [entryOf('s', 'a'), entryOf('t', 'b'), entryOf('s', 'c')];
    assert.equal(await append(store, 0, [a, b]), 'appended');
    assert.equal(await append(store, 2, [c]), 'appended');
    assert.deepEqual(await store.head(signal()), { size: 3, leafHash: c.leafHash });
    assert.deepEqual(
      (await all(store, 0, null)).map(({ index, stream, leafHash }) => ({
        index,
        stream,
        leafHash,
      })),
      [a, b, c].map(({ stream, leafHash }, index) => ({ index, stream, leafHash })),
    );
  });

  contract('another size than expected is a conflict that writes nothing', async (store) => {
    await append(store, 0, [entryOf('s', 'a')]);
    const blob = blobOf('from the loser');
    for (const expectedSize of [0, 2]) {
      const batch = { expectedSize, entries: [entryOf('s', 'b')], blobs: [blob] };
      assert.equal(await store.append(batch, signal()), 'conflict', `${expectedSize}`);
    }
    assert.equal((await store.head(signal())).size, 1);
    assert.equal(await store.blob(blob.sha256Hex, signal()), null);
  });

  contract('of many writers with one expected size exactly one wins', async (store) => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, n) => append(store, 0, [entryOf('s', `${n}`)])),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'appended').length, 1);
    assert.equal((await store.head(signal())).size, 1);
  });

  contract(
    'blobs come back by their digest, and the same blob may be given again',
    async (store) => {
      const blob = blobOf('samples');
      const empty = blobOf('');
      const entries = [entryOf('s', 'a')];
      await store.append({ expectedSize: 0, entries, blobs: [blob, empty, blob] }, signal());
      const again = { expectedSize: 1, entries: [entryOf('s', 'b')], blobs: [blob] };
      assert.equal(await store.append(again, signal()), 'appended');
      assert.deepEqual(bytesOf(await store.blob(blob.sha256Hex, signal())), bytesOf(blob.bytes));
      assert.deepEqual(bytesOf(await store.blob(empty.sha256Hex, signal())), []);
      assert.equal(await store.blob(sha256Hex('other'), signal()), null);
    },
  );

  contract('bytes given away or taken in are not shared with the store', async (store) => {
    const entry = entryOf('s', 'a');
    await append(store, 0, [entry]);
    const before = bytesOf(entry.leaf);
    entry.leaf.fill(0);
    (await all(store, 0, null))[0]?.leaf.fill(1);
    assert.deepEqual(bytesOf((await all(store, 0, null))[0]?.leaf ?? null), before);
  });
}

function readContract(contract: Contract): void {
  contract('reading starts at fromIndex and keeps to a stream when asked', async (store) => {
    const streams = ['s', 't', 's', 's', 't'];
    await append(
      store,
      0,
      streams.map((stream, n) => entryOf(stream, `${n}`)),
    );
    const rows: readonly (readonly [from: number, stream: string | null, want: number[]])[] = [
      [0, null, [0, 1, 2, 3, 4]],
      [3, null, [3, 4]],
      [5, null, []],
      [0, 's', [0, 2, 3]],
      [1, 's', [2, 3]],
      [0, 'nobody', []],
    ];
    for (const [from, stream, want] of rows) {
      const indexes = (await all(store, from, stream)).map((entry) => entry.index);
      assert.deepEqual(indexes, want, `from ${from}, stream ${stream}`);
    }
  });

  contract('a long ledger is read whole and in order', async (store) => {
    const entries = Array.from({ length: 300 }, (_, n) => entryOf(`s${n % 3}`, `${n}`));
    await append(store, 0, entries);
    const hashes = (await all(store, 0, null)).map((entry) => entry.leafHash);
    assert.deepEqual(
      hashes,
      entries.map((entry) => entry.leafHash),
    );
    assert.equal((await all(store, 0, 's1')).length, 100);
  });

  contract('reading ends although the reader appends meanwhile', async (store) => {
    await append(store, 0, [entryOf('s', 'a'), entryOf('s', 'b')]);
    let seen = 0;
    for await (const entry of store.read({ fromIndex: 0, stream: null }, signal())) {
      await append(store, 2 + seen, [entryOf('s', `more ${entry.index}`)]);
      seen += 1;
    }
    assert.equal(seen, 2);
  });
}

function refusalContract(contract: Contract): void {
  const entry = entryOf('s', 'a');
  const rows: readonly (readonly [name: string, entries: NewEntry[], blobs: NewBlob[]])[] = [
    ['no entry', [], []],
    ['a wrong leaf hash', [entry, { ...entry, leafHash: sha256Hex('other') }], []],
    ['a leaf over 60 KiB', [entryOf('s', 'x'.repeat(60 * 1024 + 1))], []],
    ['a wrong blob digest', [entry], [{ ...blobOf('b'), sha256Hex: sha256Hex('other') }]],
  ];
  for (const [name, entries, blobs] of rows) {
    contract(`${name} is refused as invalid and nothing is written`, async (store) => {
      await assert.rejects(
        store.append({ expectedSize: 0, entries, blobs }, signal()),
        (error) =>
          error instanceof LedgerError && error.code === 'invalid-entry' && !error.retryable,
      );
      assert.equal((await store.head(signal())).size, 0);
    });
  }

  contract('a leaf of exactly 60 KiB is taken', async (store) => {
    assert.equal(await append(store, 0, [entryOf('s', 'x'.repeat(60 * 1024))]), 'appended');
  });

  contract('an aborted call rejects with the reason and writes nothing', async (store) => {
    const reason = new Error('stop');
    const aborted = AbortSignal.abort(reason);
    const batch = { expectedSize: 0, entries: [entryOf('s', 'a')], blobs: [] };
    await assert.rejects(store.append(batch, aborted), reason);
    await assert.rejects(store.head(aborted), reason);
    await assert.rejects(store.blob(sha256Hex('b'), aborted), reason);
    assert.equal(await append(store, 0, [entryOf('s', 'a')]), 'appended');
    await assert.rejects(async () => {
      for await (const entry of store.read({ fromIndex: 0, stream: null }, aborted)) {
        assert.fail(`read ${entry.index}`);
      }
    }, reason);
  });
}

function entryOf(stream: string, content: string): NewEntry {
  const leaf = new TextEncoder().encode(content);
  return { stream, leaf, leafHash: leafHashHex(leaf) };
}

function blobOf(content: string): NewBlob {
  const bytes = new TextEncoder().encode(content);
  return { sha256Hex: sha256Hex(bytes), bytes };
}

function append(store: LedgerStore, expectedSize: number, entries: NewEntry[]) {
  return store.append({ expectedSize, entries, blobs: [] }, signal());
}

async function all(store: LedgerStore, fromIndex: number, stream: string | null) {
  const entries: StoredEntry[] = [];
  for await (const entry of store.read({ fromIndex, stream }, signal())) entries.push(entry);
  return entries;
}

function bytesOf(bytes: Uint8Array | null): readonly number[] | null {
  return bytes === null ? null : [...bytes];
}

/** Far longer than any of these calls takes; a store that hangs fails its test instead of the run. */
function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
