import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';

import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import {
  openSqliteLedger,
  openSqliteLedgerReader,
} from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import type { ExportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import { exportTiles } from '../../src/control/ledger/ledger-tiles.ts';
import { RecorderError, RecorderIndex } from '../../src/control/recording/recorder-index.ts';
import { saveIndex } from '../../src/control/recording/recorder-snapshot.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import { EvidenceError } from '../../src/domain/evidence/canonical-json.ts';
import { leafHash } from '../../src/domain/evidence/digest.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { flippedBit, isBelieved, seeded } from './tamper-row.ts';
import type { TamperWork } from './tamper-row.ts';

export interface DatabaseWork extends TamperWork {
  readonly ledger: ExportedLedger;
}

/**
 * Changes the SQLite file. Found: an error of whoever reads it, or an export that is not believed. Harmless: the export, byte for
 * byte, and what a server reads of each service are what they were. Missed is the rest.
 */
export async function tamperWithDatabase(work: DatabaseWork): Promise<void> {
  const { folder, ledger, counts, share, signal, add } = work;
  const state = join(folder, 'state');
  await writeDatabase(state, ledger, signal);
  const path = join(state, 'ledger.db');
  const database = await readFile(path);
  const want = await seen(state, signal);
  const random = seeded(SEED);
  const kinds = [
    [
      'bit flips in the database file',
      counts.flips,
      () => writeFile(path, flippedBit(database, random)),
    ],
    ['edits of the database by SQL', counts.edits, (n: number) => editTables(path, n, random)],
    [
      'truncations of the database file',
      counts.truncations,
      () => writeFile(path, database.subarray(0, Math.floor(random() * database.length))),
    ],
  ] as const;
  for (const [name, count, change] of kinds) {
    let [tried, harmless, missed] = [0, 0, 0];
    for (; tried < Math.ceil(count * share); tried += 1) {
      signal.throwIfAborted();
      await restore(path, database);
      await change(tried);
      const got = await seen(state, signal).catch((error: unknown) => {
        if (isRefusal(error)) return null;
        throw error;
      });
      if (got === null) continue;
      if (got.exported === want.exported && got.served === want.served) {
        harmless += 1;
        continue;
      }
      if (got.exported === want.exported || (await isExportBelieved(work, state))) missed += 1;
    }
    add({ name, tried, harmless, missed, missedLenient: null, missedUnwitnessed: null });
  }
}

const SEED = 20_261_122;
const signer = createMemorySigner(Buffer.alloc(32, 1));

function isRefusal(error: unknown): boolean {
  return (
    error instanceof LedgerError || error instanceof EvidenceError || error instanceof RecorderError
  );
}

/** One change that only SQL can make in one go, the triggers being dropped first. */
function editTables(path: string, n: number, random: () => number): void {
  using database = new DatabaseSync(path);
  for (const { name } of database.prepare(TRIGGERS).all())
    database.exec(`DROP TRIGGER ${String(name)}`);
  const run = (sql: string, ...values: SQLInputValue[]): void => {
    database.prepare(sql).run(...values);
  };
  const rows = database.prepare('SELECT idx, leaf, leaf_hash FROM entry ORDER BY idx').all();
  const at = Math.floor(random() * rows.length);
  const other = (at + 1 + Math.floor(random() * (rows.length - 1))) % rows.length;
  const leaf = (rows[other]?.['leaf'] ?? null) as SQLInputValue;
  const hash = (rows[other]?.['leaf_hash'] ?? null) as SQLInputValue;
  const edits: readonly (() => void)[] = [
    () => run('UPDATE entry SET leaf = ? WHERE idx = ?', leaf, at),
    () => run('UPDATE entry SET leaf = ?, leaf_hash = ? WHERE idx = ?', leaf, hash, at),
    () => run('DELETE FROM entry WHERE idx = ?', at),
    () => {
      run('DELETE FROM entry WHERE idx = ?', at);
      run('UPDATE entry SET idx = idx - 1 WHERE idx > ?', at);
    },
    () => run("INSERT INTO entry VALUES (?, 'service/s1', ?, ?)", rows.length, hash, leaf),
    () => run("UPDATE entry SET stream = 'service/s9' WHERE idx = ?", at),
    () => run('UPDATE tree SET edge = ?', Buffer.concat([leafHash(Buffer.from(`${n}`)), EMPTY])),
    () => run('UPDATE tree SET size = ?', other),
    () => run('UPDATE checkpoint SET size = size - 1'),
    () =>
      run(
        "UPDATE checkpoint SET note = replace(note, char(10) || '12' || char(10), char(10) || '11' || char(10))",
      ),
  ];
  edits[n % edits.length]?.();
}

const TRIGGERS = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
const EMPTY = Buffer.alloc(32);

async function writeDatabase(
  state: string,
  ledger: ExportedLedger,
  signal: AbortSignal,
): Promise<void> {
  await using store = await openSqliteLedger({ folder: state, sizeLimitBytes: null }, signal);
  for await (const entry of ledger.store.read({ fromIndex: 0, stream: null }, signal)) {
    await store.append({ expectedSize: entry.index, entries: [entry], blobs: [] }, signal);
  }
  const { size } = await store.head(signal);
  await store.saveCheckpoint({ size, note: ledger.note, isKept: true }, signal);
  const index = new RecorderIndex();
  await index.catchUp(store, signal);
  await saveIndex({ tree: store, signer, index }, signal);
}

async function restore(path: string, database: Buffer): Promise<void> {
  await rm(`${path}-wal`, { force: true });
  await rm(`${path}-shm`, { force: true });
  await writeFile(path, database);
}

/** Everything an export of the file would hold, and everything a server would take from it at its start. */
async function seen(state: string, signal: AbortSignal) {
  let exported = '';
  for await (const { path, bytes } of filesOf(state, signal)) {
    exported += `${path} ${Buffer.from(bytes).toString('base64')}\n`;
  }
  await using store = await openSqliteLedger({ folder: state, sizeLimitBytes: null }, signal);
  const clock = { nowMs: () => 1, sleep: () => Promise.reject(new Error('not needed')) };
  const parts = { store, tree: store, signer, clock, version: '0.1.0' };
  await using recorder = await openRecorder(parts, signal);
  let served = '';
  for (const stream of ['ledger/keys', 'service/s0', 'service/s1', 'service/s2']) {
    for await (const entry of recorder.replay(stream, signal)) served += JSON.stringify(entry);
  }
  return { exported, served };
}

async function* filesOf(state: string, signal: AbortSignal) {
  await using reader = await openSqliteLedgerReader(state, signal);
  const newest = (await reader.checkpoints(0, signal)).at(-1);
  const size = newest?.size ?? 0;
  yield* exportTiles(reader, { size, isThere: () => false }, signal);
  yield { path: 'checkpoint', bytes: Buffer.from(newest?.note ?? '') };
}

async function isExportBelieved(work: DatabaseWork, state: string): Promise<boolean> {
  const target = join(work.folder, 'export');
  try {
    for await (const { path, bytes } of filesOf(state, work.signal)) {
      await mkdir(dirname(join(target, path)), { recursive: true });
      await writeFile(join(target, path), bytes);
    }
    return await isBelieved(target, work.ledger.policyText);
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}
