import { LedgerError } from '../../ports/ledger-store.ts';
import type { PostgresConnection, Row } from './postgres-connection.ts';
import { sqlStateOf } from './postgres-error.ts';

export interface Migration {
  /** Counts from 1 without a gap; what it made is never changed, only followed by another one. */
  readonly version: number;
  readonly sql: string;
}

/**
 * Entries, blobs and the tree as in SQLite, and `head`: one row that every write locks. It has the size, the right edge of the tree
 * and the lease, so that one comparison in one transaction covers all three.
 *
 * Leaves are kept as they are (base64 in JSON does not compress well) and up to 8 kB beside their row, not in a table of their own.
 * The triggers are defence in depth against our own mistakes and against hands in the database; a superuser can take them away,
 * which is found by verifying.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE tidegate.head (
        id           int PRIMARY KEY CHECK (id = 0),
        size         bigint NOT NULL CHECK (size >= 0),
        edge         bytea NOT NULL CHECK (octet_length(edge) % 32 = 0),
        token        bigint NOT NULL CHECK (token >= 0),
        holder_id    text NOT NULL,
        holder       text NOT NULL,
        leased_until timestamptz NOT NULL
      );
      INSERT INTO tidegate.head VALUES (0, 0, '', 0, '', '', '-infinity');
      CREATE TABLE tidegate.entry (
        idx       bigint PRIMARY KEY CHECK (idx >= 0),
        stream    text NOT NULL,
        leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
        leaf      bytea NOT NULL CHECK (octet_length(leaf) BETWEEN 1 AND 61440)
      ) WITH (toast_tuple_target = 8160);
      ALTER TABLE tidegate.entry ALTER COLUMN leaf SET STORAGE EXTERNAL;
      CREATE INDEX entry_by_stream ON tidegate.entry (stream, idx);
      CREATE TABLE tidegate.blob (
        sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
        bytes  bytea NOT NULL
      );
      ALTER TABLE tidegate.blob ALTER COLUMN bytes SET STORAGE EXTERNAL;
      CREATE TABLE tidegate.subtree (
        level int NOT NULL CHECK (level BETWEEN 1 AND 7),
        idx   bigint NOT NULL CHECK (idx >= 0),
        root  bytea NOT NULL CHECK (octet_length(root) = 32),
        PRIMARY KEY (level, idx)
      );
      CREATE TABLE tidegate.checkpoint (
        size bigint PRIMARY KEY CHECK (size >= 0),
        note text NOT NULL,
        kept boolean NOT NULL
      );
      CREATE TABLE tidegate.snapshot (
        name  text PRIMARY KEY,
        bytes bytea NOT NULL
      );

      CREATE FUNCTION tidegate.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'rows of tidegate.% are never changed or deleted', TG_TABLE_NAME;
        END $$;
      CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON tidegate.entry
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate.refuse_change();
      CREATE TRIGGER blob_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON tidegate.blob
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate.refuse_change();
      CREATE TRIGGER subtree_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON tidegate.subtree
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate.refuse_change();
      CREATE TRIGGER head_stays BEFORE INSERT OR DELETE OR TRUNCATE ON tidegate.head
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate.refuse_change();

      CREATE FUNCTION tidegate.head_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.size < OLD.size OR NEW.token < OLD.token THEN
            RAISE EXCEPTION 'the head of the ledger only goes on';
          END IF;
          RETURN NEW;
        END $$;
      CREATE TRIGGER head_goes_on BEFORE UPDATE ON tidegate.head
        FOR EACH ROW EXECUTE FUNCTION tidegate.head_goes_on();

      CREATE FUNCTION tidegate.entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          first bigint; last bigint; count bigint; size bigint;
        BEGIN
          SELECT min(idx), max(idx), count(*) INTO first, last, count FROM fresh;
          SELECT head.size INTO size FROM tidegate.head;
          IF count > 0 AND (last + 1 <> size OR count <> last - first + 1
              OR (first > 0 AND NOT EXISTS (SELECT 1 FROM tidegate.entry WHERE idx = first - 1))) THEN
            RAISE EXCEPTION 'entries must follow the last one and move the head';
          END IF;
          RETURN NULL;
        END $$;
      CREATE TRIGGER entries_follow AFTER INSERT ON tidegate.entry REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate.entries_follow();
    `,
  },
];

/** The newest one this program knows. */
export const schemaVersion = migrations.length;

const versionStatement = {
  name: 'tidegate-version',
  text: 'SELECT version FROM tidegate.format WHERE id = 0',
};

/** One program at a time brings a database to the newest schema: an arbitrary number that is ours. */
const migrationLock = 7_480_740_174;

/**
 * Brings the database to `schemaVersion`, all of it in one transaction. Throws a LedgerError `newer-format` when a newer program
 * was here, `denied` when the role may not make what is missing.
 */
export async function bringToVersion(
  connection: PostgresConnection,
  wanted: readonly Migration[] = migrations,
): Promise<void> {
  const newest = wanted.length;
  const found = await versionOf(connection);
  if (found > newest) throw newer(found, newest, connection.address.shown);
  if (found === newest) return;
  await connection.transaction('make the tables of the ledger', async (query) => {
    await query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await query('CREATE SCHEMA IF NOT EXISTS tidegate');
    await query(
      'CREATE TABLE IF NOT EXISTS tidegate.format (id int PRIMARY KEY CHECK (id = 0), version int NOT NULL)',
    );
    const version = numberIn(await query(versionStatement.text));
    // Another program may have been quicker.
    if (version > newest) throw newer(version, newest, connection.address.shown);
    for (const migration of wanted) {
      if (migration.version > version) await query(migration.sql);
    }
    await query(
      'INSERT INTO tidegate.format VALUES (0, $1) ON CONFLICT (id) DO UPDATE SET version = excluded.version',
      [newest],
    );
  });
}

/** For those who only read: throws a LedgerError `older-format` or `newer-format` unless the schema is this program's. */
export async function requireVersion(connection: PostgresConnection): Promise<void> {
  const found = await versionOf(connection);
  const where = connection.address.shown;
  if (found > schemaVersion) throw newer(found, schemaVersion, where);
  if (found === schemaVersion) return;
  const what =
    found === 0 ? 'there is no ledger' : `its schema ${found} is older than this program's`;
  throw new LedgerError(
    'older-format',
    `cannot read the ledger in ${where}: ${what}; start the server once, which makes it ready`,
    { retryable: false },
  );
}

/** 0: there is none. */
async function versionOf(connection: PostgresConnection): Promise<number> {
  try {
    return numberIn(await connection.query('look at the ledger', versionStatement, []));
  } catch (error) {
    const state = error instanceof LedgerError ? sqlStateOf(error.cause) : null;
    if (state === '42P01' || state === '3F000') return 0;
    throw error;
  }
}

function numberIn(rows: readonly Row[]): number {
  return Number(rows[0]?.['version'] ?? 0);
}

function newer(found: number, known: number, where: string): LedgerError {
  return new LedgerError(
    'newer-format',
    `cannot use the ledger in ${where}: its schema ${found} is newer than ${known}, the newest this program knows; ` +
      'use a newer program',
    { retryable: false },
  );
}
