import { HASH_BYTES, leafHashHex, sha256Hex } from '../../domain/evidence/digest.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import { MerkleEdge } from '../../domain/evidence/merkle-edge.ts';
import type { EdgeState } from '../../domain/evidence/merkle-edge.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type {
  LedgerHead,
  LedgerQuery,
  LedgerStore,
  StoredEntry,
} from '../../ports/ledger-store.ts';
import type { HashRange, LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';
import { PostgresConnection } from './postgres-connection.ts';
import type { LedgerConnection, Row } from './postgres-connection.ts';
import { requireVersion } from './postgres-schema.ts';
import { statements } from './postgres-statements.ts';
import type { PostgresAddress } from './postgres-url.ts';

/** Entries read at a time: at most 64 x 60 KiB in memory. */
const pageEntries = 64;

type Reading = Pick<LedgerStore, 'head' | 'read' | 'blob'> &
  Pick<LedgerTree, 'edge' | 'hashes' | 'checkpoints' | 'snapshot'>;

/** What can be read of a ledger in PostgreSQL, with or without its lease. What is read is hashed again. */
export class PostgresLedgerReader implements Reading, AsyncDisposable {
  protected readonly connection: LedgerConnection;

  /** Use `openPostgresLedgerReader`. */
  constructor(connection: LedgerConnection) {
    this.connection = connection;
  }

  async head(signal: AbortSignal): Promise<LedgerHead> {
    signal.throwIfAborted();
    const [row] = await this.connection.query('read the head of the ledger', statements.head, []);
    if (row === undefined) throw corrupt('its head is missing');
    const size = Number(row['size']);
    if (size === 0) return { size, leafHash: null };
    if (row['leaf_hash'] === null) throw corrupt(`entry ${size - 1} is missing`);
    return { size, leafHash: bytesOf(row['leaf_hash']).toString('hex') };
  }

  async *read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry> {
    const { size } = await this.head(signal);
    let from = query.fromIndex;
    while (from < size) {
      signal.throwIfAborted();
      const page = await this.#page(from, size, query.stream);
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      from = last.index + 1;
    }
  }

  async blob(sha256: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const values = [Buffer.from(sha256, 'hex')];
    const [row] = await this.connection.query('read a blob', statements.blob, values);
    if (row === undefined) return null;
    const bytes = bytesOf(row['bytes']);
    if (sha256Hex(bytes) !== sha256) throw corrupt(`blob ${sha256} has other bytes than it had`);
    return bytes;
  }

  async edge(signal: AbortSignal): Promise<EdgeState> {
    signal.throwIfAborted();
    const [row] = await this.connection.query('read the tree', statements.state, []);
    if (row === undefined) throw corrupt('its head is missing');
    const state = { size: Number(row['size']), hashes: hashesOf(bytesOf(row['edge'])) };
    if (MerkleEdge.of(state) === null) throw corrupt('the right edge of its tree is damaged');
    return state;
  }

  async hashes(range: HashRange, signal: AbortSignal): Promise<readonly Hash[]> {
    signal.throwIfAborted();
    const { level, fromIndex, count } = range;
    const [statement, more] =
      level === 0 ? [statements.leafHashes, []] : [statements.subtreeRoots, [level]];
    const values = [fromIndex, fromIndex + count, ...more];
    const rows = await this.connection.query('read the tree', statement, values);
    // The indexes are a key and come in order, so a gap shows in the count.
    if (rows.length !== count) throw corrupt(`hashes of level ${level} of its tree are missing`);
    return rows.map((row) => bytesOf(row['hash']));
  }

  async checkpoints(fromSize: number, signal: AbortSignal): Promise<readonly StoredCheckpoint[]> {
    signal.throwIfAborted();
    const rows = await this.connection.query('read checkpoints', statements.checkpoints, [
      fromSize,
    ]);
    return rows.map((row) => ({
      size: Number(row['size']),
      note: String(row['note']),
      isKept: row['kept'] === true,
    }));
  }

  async snapshot(name: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const [row] = await this.connection.query('read a snapshot', statements.snapshot, [name]);
    return row === undefined ? null : bytesOf(row['bytes']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }

  async #page(from: number, end: number, stream: string | null): Promise<readonly StoredEntry[]> {
    const [statement, more] =
      stream === null ? [statements.page, []] : [statements.pageOfStream, [stream]];
    const values = [from, end, pageEntries, ...more];
    const entries = (await this.connection.query('read the ledger', statement, values)).map(
      entryOf,
    );
    if (stream !== null) return entries;
    // Only asked for when an entry is wanted from `from` on, so an empty page is a gap too.
    const offset = entries.findIndex((entry, position) => entry.index !== from + position);
    if (offset !== -1 || entries.length === 0) {
      throw corrupt(`entry ${from + Math.max(0, offset)} is missing`);
    }
    return entries;
  }
}

/** Opens a ledger for reading, also while a server writes to it. Makes nothing. */
export async function openPostgresLedgerReader(
  address: PostgresAddress,
  signal: AbortSignal,
): Promise<PostgresLedgerReader> {
  signal.throwIfAborted();
  const connection = new PostgresConnection(address);
  try {
    await requireVersion(connection);
    return new PostgresLedgerReader(connection);
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

function entryOf(row: Row): StoredEntry {
  const index = Number(row['idx']);
  const leaf = bytesOf(row['leaf']);
  const leafHash = bytesOf(row['leaf_hash']).toString('hex');
  if (leafHashHex(leaf) !== leafHash) throw corrupt(`entry ${index} has other bytes than it had`);
  return { index, stream: String(row['stream']), leaf, leafHash };
}

function hashesOf(bytes: Uint8Array): Hash[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

function bytesOf(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw corrupt('a column holds no bytes');
  return value;
}

export function corrupt(what: string): LedgerError {
  return new LedgerError(
    'corrupt',
    `cannot use the ledger: ${what}; restore the database from a backup`,
    { retryable: false },
  );
}
