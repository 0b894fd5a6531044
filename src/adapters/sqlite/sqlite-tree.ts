import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { HASH_BYTES, leafHashHex } from '../../domain/evidence/digest.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import { MerkleEdge } from '../../domain/evidence/merkle-edge.ts';
import type { EdgeState } from '../../domain/evidence/merkle-edge.ts';
import { TILE_WIDTH } from '../../domain/evidence/tile.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { HashRange, StoredCheckpoint } from '../../ports/ledger-tree.ts';

/**
 * The tree beside the entries: its right edge in one row, and the root of each full subtree of 256^n leaves. Leaf hashes are not
 * kept a second time. Everything here can be built again from the entries.
 */
export const TREE_SCHEMA = `
  CREATE TABLE tree (
    id   INTEGER PRIMARY KEY CHECK (id = 0),
    size INTEGER NOT NULL CHECK (size >= 0),
    edge BLOB    NOT NULL CHECK (length(edge) % 32 = 0)
  ) STRICT;
  CREATE TABLE subtree (
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 7),
    idx   INTEGER NOT NULL CHECK (idx >= 0),
    root  BLOB    NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (level, idx)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size >= 0),
    note TEXT    NOT NULL,
    kept INTEGER NOT NULL CHECK (kept IN (0, 1))
  ) STRICT;
  CREATE TABLE snapshot (
    name  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT;
  INSERT INTO tree (id, size, edge) VALUES (0, 0, x'');
`;

/** Adds what is in the tables of `TREE_SCHEMA` for all entries, from their bytes. Inside a transaction. */
export function buildTree(database: DatabaseSync): void {
  const tree = new SqliteTree(database);
  const edge = MerkleEdge.empty();
  const rows = database.prepare('SELECT idx, leaf_hash, leaf FROM entry ORDER BY idx').iterate();
  for (const row of rows) {
    const index = Number(row['idx']);
    const leafHash = bytesOf(row['leaf_hash']);
    if (index !== edge.size) throw corrupt(`entry ${edge.size} is missing`);
    if (leafHashHex(bytesOf(row['leaf'])) !== Buffer.from(leafHash).toString('hex')) {
      throw corrupt(`entry ${index} has other bytes than it had`);
    }
    tree.grow(edge, leafHash);
  }
  tree.saveEdge(edge);
}

/** The statements of the tree; calls are made inside the store's transactions. */
export class SqliteTree {
  readonly #statements: TreeStatements;

  constructor(database: DatabaseSync) {
    this.#statements = prepare(database);
  }

  edge(): EdgeState {
    const row = this.#statements.edge.get();
    const size = Number(row?.['size'] ?? Number.NaN);
    const state = { size, hashes: row === undefined ? [] : hashesOf(bytesOf(row['edge'])) };
    if (MerkleEdge.of(state) === null) throw corrupt('the right edge of its tree is damaged');
    return state;
  }

  /** Takes in the hashes of a batch's entries, which follow `expectedSize` others. */
  append(expectedSize: number, leafHashes: readonly Hash[]): void {
    const edge = MerkleEdge.of(this.edge());
    if (edge === null || edge.size !== expectedSize) {
      throw corrupt(`its tree is over ${edge?.size ?? 'no'} entries, and it has ${expectedSize}`);
    }
    for (const leafHash of leafHashes) this.grow(edge, leafHash);
    this.saveEdge(edge);
  }

  grow(edge: MerkleEdge, leafHash: Hash): void {
    const completed = edge.append(leafHash);
    for (let level = 1, leaves = TILE_WIDTH; ; level += 1, leaves *= TILE_WIDTH) {
      const full = completed.find((each) => each.leaves === leaves);
      if (full === undefined) return;
      this.#statements.insertSubtree.run(level, edge.size / leaves - 1, full.hash);
    }
  }

  saveEdge(edge: MerkleEdge): void {
    const { size, hashes } = edge.state();
    this.#statements.saveEdge.run(size, Buffer.concat(hashes));
  }

  hashes({ level, fromIndex, count }: HashRange): Hash[] {
    const { leafHashes, subtreeRoots } = this.#statements;
    const end = fromIndex + count;
    const rows =
      level === 0 ? leafHashes.all(fromIndex, end) : subtreeRoots.all(level, fromIndex, end);
    // The indexes are a key and come in order, so a gap shows in the count.
    if (rows.length !== count) throw corrupt(`hashes of level ${level} of its tree are missing`);
    return rows.map((row) => bytesOf(row['hash']));
  }

  saveCheckpoint({ size, note, isKept }: StoredCheckpoint): void {
    this.#statements.dropCheckpoints.run(size);
    this.#statements.saveCheckpoint.run(size, note, isKept ? 1 : 0);
  }

  checkpoints(fromSize: number): StoredCheckpoint[] {
    return this.#statements.checkpoints.all(fromSize).map((row) => ({
      size: Number(row['size']),
      note: String(row['note']),
      isKept: row['kept'] === 1,
    }));
  }

  snapshot(name: string): Uint8Array | null {
    const row = this.#statements.snapshot.get(name);
    return row === undefined ? null : bytesOf(row['bytes']);
  }

  saveSnapshot(name: string, bytes: Uint8Array): void {
    this.#statements.saveSnapshot.run(name, bytes);
  }
}

interface TreeStatements {
  readonly edge: StatementSync;
  readonly saveEdge: StatementSync;
  readonly insertSubtree: StatementSync;
  readonly leafHashes: StatementSync;
  readonly subtreeRoots: StatementSync;
  readonly dropCheckpoints: StatementSync;
  readonly saveCheckpoint: StatementSync;
  readonly checkpoints: StatementSync;
  readonly snapshot: StatementSync;
  readonly saveSnapshot: StatementSync;
}

function prepare(database: DatabaseSync): TreeStatements {
  return {
    edge: database.prepare('SELECT size, edge FROM tree WHERE id = 0'),
    saveEdge: database.prepare('UPDATE tree SET size = ?, edge = ? WHERE id = 0'),
    insertSubtree: database.prepare('INSERT INTO subtree (level, idx, root) VALUES (?, ?, ?)'),
    leafHashes: database.prepare(
      'SELECT leaf_hash AS hash FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx',
    ),
    subtreeRoots: database.prepare(
      'SELECT root AS hash FROM subtree WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx',
    ),
    dropCheckpoints: database.prepare('DELETE FROM checkpoint WHERE size < ? AND kept = 0'),
    saveCheckpoint: database.prepare(
      'INSERT OR REPLACE INTO checkpoint (size, note, kept) VALUES (?, ?, ?)',
    ),
    checkpoints: database.prepare(
      'SELECT size, note, kept FROM checkpoint WHERE size >= ? ORDER BY size',
    ),
    snapshot: database.prepare('SELECT bytes FROM snapshot WHERE name = ?'),
    saveSnapshot: database.prepare('INSERT OR REPLACE INTO snapshot (name, bytes) VALUES (?, ?)'),
  };
}

function hashesOf(bytes: Uint8Array): Hash[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw corrupt('a column holds no bytes');
  return value;
}

function corrupt(what: string): LedgerError {
  return new LedgerError(
    'corrupt',
    `cannot use the ledger: ${what}; restore the state folder from a backup`,
    { retryable: false },
  );
}
