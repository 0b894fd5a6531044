import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { leafHashHex, sha256Hex } from '../../domain/evidence/digest.ts';
import { ledgerStoreContract } from '../../ports/ledger-store.contract.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerBatch, LedgerStore } from '../../ports/ledger-store.ts';
import { openSqliteLedger, openSqliteLedgerReader } from './sqlite-ledger-store.ts';
import type { SqliteLedgerStore } from './sqlite-ledger-store.ts';
import { FORMAT_VERSION, openForWriting } from './sqlite-schema.ts';

ledgerStoreContract('sqlite', async () => {
  const folder = await temporaryFolder();
  const store = await open(folder.path);
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

test('entries and blobs are there after closing and opening again', async () => {
  await using folder = await temporaryFolder();
  const blob = { sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') };
  {
    await using store = await open(folder.path);
    await store.append({ ...batchOf(0, 'a'), blobs: [blob] }, signal());
  }
  await using store = await open(folder.path);
  assert.equal((await store.head(signal())).size, 1);
  assert.deepEqual(Buffer.from((await store.blob(blob.sha256Hex, signal())) ?? []), blob.bytes);
});

test('the file is durable by its settings and private by its modes', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'state');
  await using store = await open(path);
  await store.append(batchOf(0, 'a'), signal());
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.equal((await stat(join(path, 'ledger.db'))).mode & 0o777, 0o600);
  using raw = new DatabaseSync(join(path, 'ledger.db'));
  assert.deepEqual({ ...raw.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' });
  assert.deepEqual({ ...raw.prepare('PRAGMA page_size').get() }, { page_size: 16_384 });
  assert.deepEqual(
    { ...raw.prepare('PRAGMA user_version').get() },
    { user_version: FORMAT_VERSION },
  );
});

test('every commit is synced: synchronous is FULL on the connection that writes', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'ledger.db');
  // Once for the file that is made, once for the file that is found.
  for (const _ of [1, 2]) {
    using database = openForWriting({ path, sizeLimitBytes: null });
    assert.deepEqual({ ...database.prepare('PRAGMA synchronous').get() }, { synchronous: 2 });
  }
});

const FORBIDDEN: readonly (readonly [name: string, sql: string])[] = [
  ['changing an entry', `UPDATE entry SET stream = 'other'`],
  ['deleting an entry', 'DELETE FROM entry'],
  ['deleting all entries at once', 'DELETE FROM entry WHERE 1'],
  [
    'replacing an entry',
    `INSERT OR REPLACE INTO entry SELECT idx, 'other', leaf_hash, leaf FROM entry`,
  ],
  ['an entry that leaves a gap', 'INSERT INTO entry SELECT 7, stream, leaf_hash, leaf FROM entry'],
  ['text where bytes belong', `INSERT INTO entry SELECT 1, stream, leaf_hash, 'text' FROM entry`],
  ['changing a blob', `UPDATE blob SET bytes = x'00'`],
  ['deleting a blob', 'DELETE FROM blob'],
];

for (const [name, sql] of FORBIDDEN) {
  test(`the file itself refuses ${name}`, async () => {
    await using folder = await temporaryFolder();
    await using store = await open(folder.path);
    const blob = { sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') };
    await store.append({ ...batchOf(0, 'a'), blobs: [blob] }, signal());
    using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
    assert.throws(() => raw.exec(sql), /never|must follow|cannot store TEXT/);
    assert.deepEqual(await store.head(signal()), {
      size: 1,
      leafHash: leafHashHex(Buffer.from('a')),
    });
  });
}

test('replacing a blob is without effect', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  const blob = { sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') };
  await store.append({ ...batchOf(0, 'a'), blobs: [blob] }, signal());
  using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
  raw.exec(`INSERT OR REPLACE INTO blob SELECT sha256, x'00' FROM blob`);
  assert.deepEqual(Buffer.from((await store.blob(blob.sha256Hex, signal())) ?? []), blob.bytes);
});

test('a second opening of one folder is refused at once, and taken when the first has closed', async () => {
  await using folder = await temporaryFolder();
  {
    await using first = await open(folder.path);
    await first.append(batchOf(0, 'a'), signal());
    const tookMs: number[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      const startedMs = performance.now();
      await assert.rejects(open(folder.path), isLedgerError('locked'));
      tookMs.push(performance.now() - startedMs);
    }
    // Waiting would make each of them slow, a busy machine some.
    assert.ok(Math.min(...tookMs) < 500, `it waited for the lock: ${tookMs.join(' ')} ms`);
    assert.equal(await first.append(batchOf(1, 'b'), signal()), 'appended');
  }
  await using second = await open(folder.path);
  assert.equal((await second.head(signal())).size, 2);
});

test('a reader reads beside the writer, sees what is appended, and cannot write', async () => {
  await using folder = await temporaryFolder();
  {
    await using writer = await open(folder.path);
    await writer.append(batchOf(0, 'a'), signal());
    await using reader = await openSqliteLedgerReader(folder.path, signal());
    assert.equal((await reader.head(signal())).size, 1);
    await writer.append(batchOf(1, 'b'), signal());
    assert.equal((await Array.fromAsync(reader.read(ALL, signal()))).length, 2);
    const disguised = reader as unknown as LedgerStore;
    await assert.rejects(disguised.append(batchOf(2, 'c'), signal()), isLedgerError('io'));
  }
  await using reader = await openSqliteLedgerReader(folder.path, signal());
  assert.equal((await reader.head(signal())).size, 2);
});

test('a full ledger says so, keeps what it had, and holds nothing of the batch that failed', async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqliteLedger(
    { folder: folder.path, sizeLimitBytes: 20 * 16_384 },
    signal(),
  );
  const { size, failure } = await appendUntilFailure(store);
  assert.ok(isLedgerError('full')(failure) && failure instanceof LedgerError && failure.retryable);
  assert.ok(size > 0);
  assert.equal((await store.head(signal())).size, size);
  assert.equal((await Array.fromAsync(store.read(ALL, signal()))).length, size);
  assert.equal(await store.blob(sha256Hex(`blob ${size}`), signal()), null);
});

test('a file of a newer format is refused and left as it is', async () => {
  await using folder = await temporaryFolder();
  await using _first = await closed(await open(folder.path));
  using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
  raw.exec(`PRAGMA user_version = ${FORMAT_VERSION + 1}`);
  raw.close();
  await assert.rejects(open(folder.path), isLedgerError('newer-format'));
  await assert.rejects(
    openSqliteLedgerReader(folder.path, signal()),
    isLedgerError('newer-format'),
  );
  using after = new DatabaseSync(join(folder.path, 'ledger.db'));
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], FORMAT_VERSION + 1);
});

test('a file that is no ledger is corrupt, and the folder is not left locked', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'ledger.db');
  await writeFile(path, 'this is not a database, whatever its name says'.repeat(1_000));
  await assert.rejects(open(folder.path), isLedgerError('corrupt'));
  await rm(path);
  using foreign = new DatabaseSync(path);
  foreign.exec('CREATE TABLE other (a)');
  foreign.close();
  await assert.rejects(open(folder.path), isLedgerError('corrupt'));
  await rm(path);
  await using _store = await open(folder.path);
});

test('a changed byte of an entry or a blob is corrupt and never read', async () => {
  await using folder = await temporaryFolder();
  const blob = { sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') };
  await using store = await open(folder.path);
  await store.append({ ...batchOf(0, 'a'), blobs: [blob] }, signal());
  using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
  raw.exec(`DROP TRIGGER entry_no_update; UPDATE entry SET leaf = x'62'`);
  raw.exec(`DROP TRIGGER blob_no_update; UPDATE blob SET bytes = x'00'`);
  await assert.rejects(Array.fromAsync(store.read(ALL, signal())), isLedgerError('corrupt'));
  await assert.rejects(store.blob(blob.sha256Hex, signal()), isLedgerError('corrupt'));
});

test('a missing entry is corrupt', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  for (const [index, content] of ['a', 'b', 'c'].entries()) {
    await store.append(batchOf(index, content), signal());
  }
  using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
  raw.exec('DROP TRIGGER entry_no_delete; DELETE FROM entry WHERE idx = 1');
  await assert.rejects(Array.fromAsync(store.read(ALL, signal())), /entry 1 is missing/);
});

test('a ledger of the format without a tree gets one at its first opening, and keeps its entries', async () => {
  await using folder = await temporaryFolder();
  const state = await olderLedger(folder.path, 600);
  await using reader = await openSqliteLedgerReader(folder.path, signal());
  assert.equal((await Array.fromAsync(reader.read(ALL, signal()))).length, 600);
  await assert.rejects(reader.edge(signal()), isLedgerError('older-format'));
  await using store = await open(folder.path);
  assert.deepEqual(await store.edge(signal()), state);
  assert.equal((await store.hashes({ level: 1, fromIndex: 0, count: 2 }, signal())).length, 2);
  assert.equal(await store.append(batchOf(600, 'next'), signal()), 'appended');
});

const DAMAGES: readonly (readonly [name: string, sql: string])[] = [
  ['a changed entry', `DROP TRIGGER entry_no_update; UPDATE entry SET leaf = x'62' WHERE idx = 7`],
  ['a missing entry', 'DROP TRIGGER entry_no_delete; DELETE FROM entry WHERE idx = 7'],
];

for (const [name, sql] of DAMAGES) {
  test(`no tree is built over ${name}, and the file stays of the older format`, async () => {
    await using folder = await temporaryFolder();
    await olderLedger(folder.path, 20);
    using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
    raw.exec(sql);
    await assert.rejects(open(folder.path), isLedgerError('corrupt'));
    assert.equal(raw.prepare('PRAGMA user_version').get()?.['user_version'], 1);
  });
}

test('an append to a tree that is not over the entries before it is refused', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.append(batchOf(0, 'a'), signal());
  using raw = new DatabaseSync(join(folder.path, 'ledger.db'));
  raw.exec(`UPDATE tree SET size = 0, edge = x''`);
  await assert.rejects(store.append(batchOf(1, 'b'), signal()), isLedgerError('corrupt'));
  raw.exec('UPDATE tree SET size = 3');
  await assert.rejects(store.edge(signal()), isLedgerError('corrupt'));
  assert.equal((await store.head(signal())).size, 1);
});

test('a closed store says so', async () => {
  await using folder = await temporaryFolder();
  const store = await closed(await open(folder.path));
  await assert.rejects(store.head(signal()), /closed/);
  await store[Symbol.asyncDispose]();
});

/** A ledger as the program before the tree left it; gives the edge that it has now. */
async function olderLedger(folder: string, count: number) {
  await using store = await open(folder);
  const entries = Array.from({ length: count }, (_, n) => batchOf(0, `${n}`).entries).flat();
  for (let from = 0; from < count; from += 200) {
    const batch = { expectedSize: from, entries: entries.slice(from, from + 200), blobs: [] };
    await store.append(batch, signal());
  }
  const state = await store.edge(signal());
  await store[Symbol.asyncDispose]();
  using raw = new DatabaseSync(join(folder, 'ledger.db'));
  const tables = ['tree', 'subtree', 'checkpoint', 'snapshot'];
  raw.exec(`${tables.map((table) => `DROP TABLE ${table};`).join('')} PRAGMA user_version = 1`);
  return state;
}

const ALL = { fromIndex: 0, stream: null };

function open(folder: string): Promise<SqliteLedgerStore> {
  return openSqliteLedger({ folder, sizeLimitBytes: null }, signal());
}

async function closed(store: SqliteLedgerStore): Promise<SqliteLedgerStore> {
  await store[Symbol.asyncDispose]();
  return store;
}

function batchOf(expectedSize: number, content: string): LedgerBatch {
  const leaf = Buffer.from(content);
  return { expectedSize, entries: [{ stream: 's', leaf, leafHash: leafHashHex(leaf) }], blobs: [] };
}

async function appendUntilFailure(store: LedgerStore) {
  for (let size = 0; size < 1_000; size += 1) {
    const bytes = Buffer.from(`blob ${size}`);
    const blob = { sha256Hex: sha256Hex(bytes), bytes };
    const content = `${size} ${'x'.repeat(10_000)}`;
    try {
      await store.append({ ...batchOf(size, content), blobs: [blob] }, signal());
    } catch (failure) {
      return { size, failure };
    }
  }
  return assert.fail('1,000 entries of 10 kB fitted into 320 kB');
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-ledger-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function isLedgerError(code: LedgerError['code']) {
  return (error: unknown): boolean => error instanceof LedgerError && error.code === code;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}

test("a file whose tables are not the ledger's is refused in the words of the port", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-sqlite-'));
  const signal = new AbortController().signal;
  try {
    await using made = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
    await made[Symbol.asyncDispose]();
    {
      using raw = new DatabaseSync(join(folder, 'ledger.db'));
      raw.exec('ALTER TABLE entry RENAME COLUMN leaf_hash TO leaf_hasi');
    }
    const isRefused = (error: unknown): boolean =>
      error instanceof LedgerError && error.message.includes('cannot use the tables of');
    await assert.rejects(openSqliteLedgerReader(folder, signal), isRefused);
    await assert.rejects(openSqliteLedger({ folder, sizeLimitBytes: null }, signal), isRefused);
  } finally {
    await rm(folder, { recursive: true });
  }
});
