import { DatabaseSync } from 'node:sqlite';

import { LedgerError } from '../../ports/ledger-store.ts';
import { asLedgerError } from './sqlite-error.ts';
import { buildTree, TREE_SCHEMA } from './sqlite-tree.ts';

/** Kept in `user_version`. Raise it when an older program could not read the file any more. */
export const FORMAT_VERSION = 2;

export const PAGE_BYTES = 16_384;

/** How long a call may wait for a reader that is recovering the write-ahead log. */
const BUSY_TIMEOUT_MS = 1_000;

/**
 * The triggers are defence in depth against our own mistakes, not against a person with the file: that one is found by
 * verifying. `entry_in_order` also stops INSERT OR REPLACE, which deletes without firing a delete trigger.
 */
const SCHEMA = `
  CREATE TABLE entry (
    idx       INTEGER PRIMARY KEY CHECK (idx >= 0),
    stream    TEXT    NOT NULL,
    leaf_hash BLOB    NOT NULL CHECK (length(leaf_hash) = 32),
    leaf      BLOB    NOT NULL CHECK (length(leaf) BETWEEN 1 AND 61440)
  ) STRICT;
  CREATE INDEX entry_by_stream ON entry (stream, idx);
  CREATE TABLE blob (
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes  BLOB NOT NULL
  ) STRICT;

  CREATE TRIGGER entry_in_order BEFORE INSERT ON entry
    WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry)
    BEGIN SELECT raise(ABORT, 'an entry must follow the last one'); END;
  CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry
    BEGIN SELECT raise(ABORT, 'entries are never changed'); END;
  CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry
    BEGIN SELECT raise(ABORT, 'entries are never deleted'); END;
  CREATE TRIGGER blob_once BEFORE INSERT ON blob
    WHEN EXISTS (SELECT 1 FROM blob WHERE sha256 = NEW.sha256)
    BEGIN SELECT raise(IGNORE); END;
  CREATE TRIGGER blob_no_update BEFORE UPDATE ON blob
    BEGIN SELECT raise(ABORT, 'blobs are never changed'); END;
  CREATE TRIGGER blob_no_delete BEFORE DELETE ON blob
    BEGIN SELECT raise(ABORT, 'blobs are never deleted'); END;
`;

export interface DatabaseOptions {
  readonly path: string;
  /** The database is not to grow beyond; null: until the disk is full. */
  readonly sizeLimitBytes: number | null;
}

export function openForWriting(options: DatabaseOptions): DatabaseSync {
  const { path, sizeLimitBytes } = options;
  return opening(
    path,
    () => new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS }),
    (database) => {
      const isNew = !hasFormat(database, path);
      // Before anything is written, or it has no effect.
      if (isNew) database.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
      // FULL: a commit has reached the disk when it returns. NORMAL would lose acknowledged ones at a power cut.
      database.exec(
        'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF',
      );
      if (sizeLimitBytes !== null) {
        database.exec(`PRAGMA max_page_count = ${Math.ceil(sizeLimitBytes / PAGE_BYTES)}`);
      }
      if (isNew || formatOf(database) < FORMAT_VERSION) bringToFormat(database, isNew);
    },
  );
}

/** All or nothing: a process that is killed in between leaves the file as it was. */
function bringToFormat(database: DatabaseSync, isNew: boolean): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    if (isNew) database.exec(SCHEMA);
    database.exec(TREE_SCHEMA);
    buildTree(database);
    database.exec(`PRAGMA user_version = ${FORMAT_VERSION}; COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Reads beside a living writer, and after it. */
export function openForReading(path: string): DatabaseSync {
  const open = () => new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  return opening(path, open, (database) => {
    if (!hasFormat(database, path)) {
      throw new LedgerError('corrupt', `cannot read ${path}: it is empty`, { retryable: false });
    }
  });
}

function opening(
  path: string,
  open: () => DatabaseSync,
  prepare: (database: DatabaseSync) => void,
): DatabaseSync {
  let database: DatabaseSync | null = null;
  try {
    database = open();
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw asLedgerError(error, `open the ledger ${path}`);
  }
}

/** False for an empty file; throws when the file is not ours to use. Changes nothing. */
function hasFormat(database: DatabaseSync, path: string): boolean {
  const version = formatOf(database);
  const tables = numberOf(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get());
  if (version > FORMAT_VERSION) {
    throw new LedgerError(
      'newer-format',
      `cannot use ${path}: its format ${version} is newer than ${FORMAT_VERSION}, the newest this program knows; ` +
        'use a newer program',
      { retryable: false },
    );
  }
  if (version === 0 && tables > 0) {
    throw new LedgerError('corrupt', `cannot use ${path}: it is a database but not a ledger`, {
      retryable: false,
    });
  }
  return version !== 0;
}

/** Whether the file has entries but no tree over them yet. */
export function isOlderFormat(database: DatabaseSync): boolean {
  return formatOf(database) < FORMAT_VERSION;
}

function formatOf(database: DatabaseSync): number {
  return numberOf(database.prepare('SELECT user_version AS n FROM pragma_user_version').get());
}

function numberOf(row: Record<string, unknown> | undefined): number {
  return Number(row?.['n'] ?? 0);
}
