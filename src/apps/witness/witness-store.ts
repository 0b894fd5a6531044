import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { Checkpoint } from '../../domain/evidence/checkpoint.ts';
import { emptyRoot } from '../../domain/evidence/digest.ts';
import { parseVkey } from '../../domain/evidence/note-key.ts';
import type { WitnessedLog } from '../../domain/evidence/witness-rules.ts';

/**
 * What a witness remembers, in one SQLite file: the keys of each log and the newest checkpoint it cosigned of it.
 *
 * A checkpoint only ever takes the place of the one it was checked against: the size is compared in the statement that writes it,
 * so of two requests checked at the same time one is told that it came too late, and none puts the log back.
 */
export class WitnessStore implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  static async open(folder: string): Promise<WitnessStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'witness.db');
    const database = new DatabaseSync(path, { timeout: 1_000 });
    await chmod(path, 0o600);
    database.exec(SCHEMA);
    return new WitnessStore(database);
  }

  /** The key's name is the origin of the log. Known keys stay; throws an EvidenceError when it is no vkey. */
  addKey(vkey: string): void {
    const { name } = parseVkey(vkey);
    const root = emptyRoot();
    this.#database
      .prepare('INSERT OR IGNORE INTO log (origin, size, root) VALUES (?, 0, ?)')
      .run(name, root);
    this.#database
      .prepare('INSERT OR IGNORE INTO log_key (vkey, origin) VALUES (?, ?)')
      .run(vkey, name);
  }

  origins(): readonly string[] {
    return this.#database
      .prepare('SELECT origin FROM log ORDER BY origin')
      .all()
      .map((row) => String(row['origin']));
  }

  log(origin: string): WitnessedLog | null {
    const row = this.#database.prepare('SELECT size, root FROM log WHERE origin = ?').get(origin);
    if (row === undefined) return null;
    const keys = this.#database.prepare('SELECT vkey FROM log_key WHERE origin = ?').all(origin);
    return {
      keys: keys.map((key) => parseVkey(String(key['vkey']))),
      size: BigInt(Number(row['size'])),
      root: row['root'] instanceof Uint8Array ? row['root'] : emptyRoot(),
    };
  }

  /** False: the newest checkpoint is not the one of `fromSize` any more. Durable when it has returned true. */
  advance(checkpoint: Checkpoint, fromSize: bigint): boolean {
    const { origin, size, root } = checkpoint;
    const { changes } = this.#database
      .prepare('UPDATE log SET size = ?, root = ? WHERE origin = ? AND size = ?')
      .run(size, root, origin, fromSize);
    return changes === 1;
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** FULL: what was stored has reached the disk when the statement returns, and before anybody is told. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY,
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS log_key (
    vkey   TEXT PRIMARY KEY,
    origin TEXT NOT NULL REFERENCES log (origin)
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS log_never_shrinks BEFORE UPDATE ON log WHEN NEW.size < OLD.size
    BEGIN SELECT raise(ABORT, 'a witnessed log never shrinks'); END;
`;
