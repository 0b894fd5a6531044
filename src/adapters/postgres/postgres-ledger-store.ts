import { MerkleEdge } from '../../domain/evidence/merkle-edge.ts';
import { TILE_WIDTH } from '../../domain/evidence/tile.ts';
import { checkBatch } from '../../ports/check-batch.ts';
import type { ControllerName } from '../../ports/ledger-lease.ts';
import type { LedgerBatch, LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';
import { PostgresConnection } from './postgres-connection.ts';
import type { LedgerConnection, Statement } from './postgres-connection.ts';
import { corrupt, PostgresLedgerReader } from './postgres-ledger-reader.ts';
import { acquireLease } from './postgres-lease.ts';
import type { PostgresLease } from './postgres-lease.ts';
import { bringToVersion } from './postgres-schema.ts';
import { statements } from './postgres-statements.ts';
import type { PostgresAddress } from './postgres-url.ts';

/**
 * The ledger in PostgreSQL, for several machines.
 *
 * G1 an append is one statement and so one transaction, on the disk before it is acknowledged (synchronous_commit);
 * G2 every write compares the lease's token in that transaction: of several controllers only the newest writes;
 * G3 an append compares the size, too. What it was decided from is the whole history up to there, so a stream that has gone on
 *    meanwhile is a `conflict`, whoever wrote to it;
 * G4 after a lost connection it is unknown whether an append was taken; asked again it is a `conflict` then, and the caller finds
 *    its own entry by reading.
 *
 * The recorder is the sequencer: it hands over one batch at a time, of all that has gathered meanwhile (group commit).
 */
export class PostgresLedgerStore
  extends PostgresLedgerReader
  implements LedgerStore, LedgerTree, AsyncDisposable
{
  readonly lease: PostgresLease;
  /** After the newest append from here; null: to be read. Only ever a saving: the append compares it. */
  #edge: MerkleEdge | null = null;

  /** Use `openPostgresLedger`. */
  constructor(connection: LedgerConnection, lease: PostgresLease) {
    super(connection);
    this.lease = lease;
  }

  async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    signal.throwIfAborted();
    checkBatch(batch);
    this.lease.requireNotLost();
    const before = await this.#edgeAt(batch.expectedSize, signal);
    if (before === null) return this.#refusal(batch.expectedSize);
    this.#edge = null;
    const after = MerkleEdge.of(before.state()) ?? MerkleEdge.empty();
    const values = appendValues(batch, { before, after, lease: this.lease });
    const askedAtMs = performance.now();
    const [row] = await this.connection.query('append to the ledger', statements.append, values);
    if (Number(row?.['claimed']) !== 1) return this.#refusal(batch.expectedSize, before);
    this.lease.heardAt(askedAtMs);
    this.#edge = after;
    return 'appended';
  }

  async saveCheckpoint(checkpoint: StoredCheckpoint, signal: AbortSignal): Promise<void> {
    const { size, note, isKept } = checkpoint;
    await this.#save('save a checkpoint', statements.saveCheckpoint, [size, note, isKept], signal);
  }

  async saveSnapshot(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#save('save a snapshot', statements.saveSnapshot, [name, bytes], signal);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.lease[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }

  // At most 4 parameters, of which three are the statement's.
  async #save(
    doing: string,
    statement: Statement,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    this.lease.requireNotLost();
    const askedAtMs = performance.now();
    const [row] = await this.connection.query(doing, statement, [this.lease.token, ...values]);
    if (Number(row?.['held']) === 0) await this.#requireToken();
    this.lease.heardAt(askedAtMs);
  }

  /** Null: the ledger has another size. */
  async #edgeAt(size: number, signal: AbortSignal): Promise<MerkleEdge | null> {
    if (this.#edge?.size === size) return this.#edge;
    const state = await this.edge(signal);
    return state.size === size ? MerkleEdge.of(state) : null;
  }

  /** Why nothing was appended. Throws when the token is not ours any more, or when the tree is not what it was. */
  async #refusal(expectedSize: number, expected: MerkleEdge | null = null): Promise<'conflict'> {
    const now = await this.#requireToken();
    const isSame = expected !== null && now.size === expectedSize;
    if (isSame && !now.edge.equals(Buffer.concat(expected.state().hashes))) {
      throw corrupt('the right edge of its tree was changed by other hands');
    }
    return 'conflict';
  }

  async #requireToken(): Promise<{ readonly size: number; readonly edge: Buffer }> {
    const [row] = await this.connection.query('see who has the lease', statements.state, []);
    if (row === undefined) throw corrupt('its head is missing');
    const { token, holder, size, edge } = row;
    if (Number(token) !== this.lease.token) throw this.lease.lose(String(holder), Number(token));
    return { size: Number(size), edge: Buffer.isBuffer(edge) ? edge : Buffer.alloc(0) };
  }
}

export interface PostgresLedgerOptions {
  readonly address: PostgresAddress;
  readonly controller: ControllerName;
  /** Default 10 s. */
  readonly leaseMs?: number;
  /** How long to wait for another controller's lease to run out; default: a lease and a half. */
  readonly patienceMs?: number;
  /** Looks at the ledger before the lease is taken: who doesn't belong to it throws here and is in nobody's way. */
  readonly checkFirst?: (ledger: PostgresLedgerReader) => Promise<void>;
  /** What people should know while the lease can't be renewed; null: it can again. */
  readonly onTrouble?: (message: string | null) => void;
}

const defaultLeaseMs = 10_000;

/** Makes the tables when they are missing, takes the lease and keeps it. Throws a LedgerError that says what is in the way. */
export async function openPostgresLedger(
  options: PostgresLedgerOptions,
  signal: AbortSignal,
): Promise<PostgresLedgerStore> {
  signal.throwIfAborted();
  const { leaseMs = defaultLeaseMs } = options;
  const connection = new PostgresConnection(options.address);
  try {
    await bringToVersion(connection);
    await options.checkFirst?.(new PostgresLedgerReader(connection));
    const lease = await acquireLease(
      connection,
      {
        controller: options.controller,
        leaseMs,
        patienceMs: options.patienceMs ?? leaseMs * 1.5,
        onTrouble: options.onTrouble ?? (() => undefined),
      },
      signal,
    );
    lease.begin();
    return new PostgresLedgerStore(connection, lease);
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

function appendValues(
  { expectedSize, entries, blobs }: LedgerBatch,
  {
    before,
    after,
    lease,
  }: { readonly before: MerkleEdge; readonly after: MerkleEdge; readonly lease: PostgresLease },
): readonly unknown[] {
  const expectedEdge = Buffer.concat(before.state().hashes);
  const roots = entries.flatMap(({ leafHash }) => grow(after, leafHash));
  // One statement must not name a digest twice: the second one would be a row that the first has just made.
  const fresh = [...new Map(blobs.map((each) => [each.sha256Hex, each])).values()];
  const leaves = inOnePiece(entries.map(({ leaf }) => leaf));
  const contents = inOnePiece(fresh.map(({ bytes }) => bytes));
  return [
    expectedSize,
    expectedSize + entries.length,
    lease.token,
    expectedEdge,
    Buffer.concat(after.state().hashes),
    lease.leaseMs,
    entries.map(({ stream }) => stream),
    Buffer.from(entries.map(({ leafHash }) => leafHash).join(''), 'hex'),
    leaves.bytes,
    leaves.firsts,
    leaves.lengths,
    roots.map(({ level }) => level),
    roots.map(({ index }) => index),
    Buffer.concat(roots.map(({ hash }) => hash)),
    Buffer.from(fresh.map(({ sha256Hex }) => sha256Hex).join(''), 'hex'),
    contents.bytes,
    contents.firsts,
    contents.lengths,
  ];
}

/** Adds a leaf; gives the roots of the full subtrees of 256^n leaves that it completed. */
function grow(edge: MerkleEdge, leafHash: string) {
  const completed = edge.append(Buffer.from(leafHash, 'hex'));
  return completed.flatMap(({ leaves, hash }) => {
    const level = Math.log2(leaves) / Math.log2(TILE_WIDTH);
    return Number.isInteger(level) ? [{ level, index: edge.size / leaves - 1, hash }] : [];
  });
}

/** Positions begin at 1, as SQL counts. */
function inOnePiece(parts: readonly Uint8Array[]) {
  const lengths = parts.map(({ length }) => length);
  let next = 1;
  const firsts = lengths.map((length) => {
    next += length;
    return next - length;
  });
  return { bytes: Buffer.concat(parts), firsts, lengths };
}
