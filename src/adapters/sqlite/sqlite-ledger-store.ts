import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { leafHashHex, sha256Hex } from '../../domain/evidence/digest.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import type { EdgeState } from '../../domain/evidence/merkle-edge.ts';
import { checkBatch } from '../../ports/check-batch.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type {
  LedgerBatch,
  LedgerHead,
  LedgerQuery,
  LedgerStore,
  StoredEntry,
} from '../../ports/ledger-store.ts';
import type { HashRange, LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';
import { asLedgerError } from './sqlite-error.ts';
import { lockFolder } from './sqlite-lock.ts';
import { isOlderFormat, openForReading, openForWriting } from './sqlite-schema.ts';
import { SqliteTree } from './sqlite-tree.ts';

/**
 * The ledger in one SQLite file, for one machine.
 *
 * S1 an append is one transaction, synced to the disk before it is acknowledged (WAL, synchronous=FULL);
 * S2 one process writes: a lock that dies with it is held as long as the store is open (sqlite-lock.ts);
 * S3 what is read is hashed again, so a changed byte in the file is an error and never an entry;
 * S4 no call waits on anything but the disk; calls block the thread for one sync (milliseconds).
 */
export class SqliteLedgerStore implements LedgerStore, LedgerTree, AsyncDisposable {
  readonly #database: DatabaseSync;
  readonly #lock: Disposable | null;
  readonly #statements: Statements;
  /** Null: the file is of an older program, opened for reading only. */
  readonly #tree: SqliteTree | null;

  /** Use `openSqliteLedger` or `openSqliteLedgerReader`. */
  constructor(database: DatabaseSync, lock: Disposable | null) {
    this.#database = database;
    this.#lock = lock;
    this.#statements = prepare(database);
    this.#tree = isOlderFormat(database) ? null : new SqliteTree(database);
  }

  async head(signal: AbortSignal): Promise<LedgerHead> {
    signal.throwIfAborted();
    return this.#translated('read the head of the ledger', () => this.#head());
  }

  async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    signal.throwIfAborted();
    checkBatch(batch);
    return this.#translated('append to the ledger', () => this.#insert(batch));
  }

  async *read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry> {
    signal.throwIfAborted();
    const { size } = await this.head(signal);
    let from = query.fromIndex;
    while (from < size) {
      signal.throwIfAborted();
      const page = this.#translated('read the ledger', () => this.#page(from, size, query.stream));
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      from = last.index + 1;
    }
  }

  async blob(sha256: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const row = this.#translated('read a blob', () =>
      this.#statements.blob.get(Buffer.from(sha256, 'hex')),
    );
    if (row === undefined) return null;
    const bytes = bytesOf(row['bytes']);
    if (sha256Hex(bytes) !== sha256) throw corrupt(`blob ${sha256} has other bytes than it had`);
    return bytes;
  }

  async edge(signal: AbortSignal): Promise<EdgeState> {
    return this.#ofTree('read the tree of the ledger', (tree) => tree.edge(), signal);
  }

  async hashes(range: HashRange, signal: AbortSignal): Promise<readonly Hash[]> {
    return this.#ofTree('read the tree of the ledger', (tree) => tree.hashes(range), signal);
  }

  async saveCheckpoint(checkpoint: StoredCheckpoint, signal: AbortSignal): Promise<void> {
    const save = (tree: SqliteTree): void =>
      this.#inTransaction(() => tree.saveCheckpoint(checkpoint));
    this.#ofTree('save a checkpoint', save, signal);
  }

  async checkpoints(fromSize: number, signal: AbortSignal): Promise<readonly StoredCheckpoint[]> {
    return this.#ofTree('read checkpoints', (tree) => tree.checkpoints(fromSize), signal);
  }

  async snapshot(name: string, signal: AbortSignal): Promise<Uint8Array | null> {
    return this.#ofTree('read a snapshot', (tree) => tree.snapshot(name), signal);
  }

  async saveSnapshot(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#ofTree('save a snapshot', (tree) => tree.saveSnapshot(name, bytes), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The database first: the lock may only go when nothing can be written any more.
    if (this.#database.isOpen) this.#database.close();
    this.#lock?.[Symbol.dispose]();
  }

  #head(): LedgerHead {
    const row = this.#statements.head.get();
    if (row === undefined) return { size: 0, leafHash: null };
    return { size: Number(row['idx']) + 1, leafHash: hexOf(row['leaf_hash']) };
  }

  #insert(batch: LedgerBatch): 'appended' | 'conflict' {
    return this.#inTransaction(() => {
      if (this.#head().size !== batch.expectedSize) return 'conflict';
      const leafHashes = batch.entries.map(({ leafHash }) => Buffer.from(leafHash, 'hex'));
      for (const [offset, { stream, leaf }] of batch.entries.entries()) {
        const index = batch.expectedSize + offset;
        this.#statements.insert.run(index, stream, leafHashes[offset] ?? null, leaf);
      }
      for (const { sha256Hex, bytes } of batch.blobs) {
        this.#statements.insertBlob.run(Buffer.from(sha256Hex, 'hex'), bytes);
      }
      this.#tree?.append(batch.expectedSize, leafHashes);
      return 'appended';
    });
  }

  #inTransaction<Result>(run: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = run();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (a full disk is one), and then refuses to do it again.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #ofTree<Result>(doing: string, run: (tree: SqliteTree) => Result, signal: AbortSignal): Result {
    signal.throwIfAborted();
    const tree = this.#tree;
    if (tree !== null) return this.#translated(doing, () => run(tree));
    throw new LedgerError(
      'older-format',
      `cannot ${doing}: the file was written by an older program and has no tree; start the server once, which adds it`,
      { retryable: false },
    );
  }

  #page(from: number, end: number, stream: string | null): StoredEntry[] {
    const rows =
      stream === null
        ? this.#statements.page.all(from, end)
        : this.#statements.pageOfStream.all(stream, from, end);
    const entries = rows.map(entryOf);
    if (stream === null) checkNoGap(entries, from);
    return entries;
  }

  #translated<Result>(doing: string, run: () => Result): Result {
    if (!this.#database.isOpen) {
      throw new LedgerError('io', `cannot ${doing}: it is closed`, { retryable: false });
    }
    try {
      return run();
    } catch (error) {
      throw asLedgerError(error, doing);
    }
  }
}

export interface SqliteLedgerOptions {
  /** Made with mode 0700 when it isn't there. */
  readonly folder: string;
  /** A limit to the database's size; null: until the disk is full. */
  readonly sizeLimitBytes: number | null;
}

/** Opens the ledger of a state folder for writing, or throws a LedgerError (`locked`, `newer-format`, `corrupt`...). */
export async function openSqliteLedger(
  options: SqliteLedgerOptions,
  signal: AbortSignal,
): Promise<SqliteLedgerStore> {
  signal.throwIfAborted();
  const { folder, sizeLimitBytes } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'ledger.db');
  // SQLite gives its journals the rights of the file they belong to.
  for (const file of [path, join(folder, 'ledger.lock')]) await touchPrivately(file);
  const lock = lockFolder(folder);
  try {
    const database = openForWriting({ path, sizeLimitBytes });
    await chmod(path, 0o600);
    return storeOn(database, { lock, path });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Makes an empty file that only the owner can read, unless it is there. Before any lock is held: see sqlite-lock.ts. */
async function touchPrivately(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw asLedgerError(error, `make ${path}`);
  }
}

/** What can be read without holding the lock. */
export type LedgerReader = Pick<LedgerStore, 'head' | 'read' | 'blob'> &
  Pick<LedgerTree, 'edge' | 'hashes' | 'checkpoints' | 'snapshot'> &
  AsyncDisposable;

/** Opens the ledger of a state folder for reading, also while a server is writing to it. */
export async function openSqliteLedgerReader(
  folder: string,
  signal: AbortSignal,
): Promise<LedgerReader> {
  signal.throwIfAborted();
  const path = join(folder, 'ledger.db');
  return storeOn(openForReading(path), { lock: null, path });
}

/** A file whose tables are not the ledger's is found here: statements are prepared at once. */
function storeOn(
  database: DatabaseSync,
  { lock, path }: { readonly lock: Disposable | null; readonly path: string },
): SqliteLedgerStore {
  try {
    return new SqliteLedgerStore(database, lock);
  } catch (error) {
    database.close();
    throw asLedgerError(error, `use the tables of ${path}`);
  }
}

interface Statements {
  readonly head: StatementSync;
  readonly insert: StatementSync;
  readonly insertBlob: StatementSync;
  readonly page: StatementSync;
  readonly pageOfStream: StatementSync;
  readonly blob: StatementSync;
}

/** Entries read at a time: at most 64 x 60 KiB in memory. */
const PAGE_ENTRIES = 64;

function prepare(database: DatabaseSync): Statements {
  const columns = 'SELECT idx, stream, leaf_hash, leaf FROM entry';
  return {
    head: database.prepare('SELECT idx, leaf_hash FROM entry ORDER BY idx DESC LIMIT 1'),
    insert: database.prepare(
      'INSERT INTO entry (idx, stream, leaf_hash, leaf) VALUES (?, ?, ?, ?)',
    ),
    insertBlob: database.prepare('INSERT INTO blob (sha256, bytes) VALUES (?, ?)'),
    page: database.prepare(
      `${columns} WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ${PAGE_ENTRIES}`,
    ),
    pageOfStream: database.prepare(
      `${columns} WHERE stream = ? AND idx >= ? AND idx < ? ORDER BY idx LIMIT ${PAGE_ENTRIES}`,
    ),
    blob: database.prepare('SELECT bytes FROM blob WHERE sha256 = ?'),
  };
}

/** Only asked for when an entry is wanted from `from` on, so an empty page is a gap too. */
function checkNoGap(entries: readonly StoredEntry[], from: number): void {
  const offset = entries.findIndex((entry, position) => entry.index !== from + position);
  if (offset !== -1 || entries.length === 0) {
    throw corrupt(`entry ${from + Math.max(0, offset)} is missing`);
  }
}

function entryOf(row: Record<string, unknown>): StoredEntry {
  const index = Number(row['idx']);
  const leaf = bytesOf(row['leaf']);
  const leafHash = hexOf(row['leaf_hash']);
  if (leafHashHex(leaf) !== leafHash) throw corrupt(`entry ${index} has other bytes than it had`);
  return { index, stream: String(row['stream']), leaf, leafHash };
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw corrupt('a column holds no bytes');
  return value;
}

function hexOf(value: unknown): string {
  return Buffer.from(bytesOf(value)).toString('hex');
}

function corrupt(what: string): LedgerError {
  return new LedgerError(
    'corrupt',
    `cannot read the ledger: ${what}; restore the state folder from a backup`,
    { retryable: false },
  );
}
