import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  openSqliteLedger,
  openSqliteLedgerReader,
} from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { exportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import type { ExportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import { verifyFolder } from '../../src/apps/verify/verify-folder.ts';
import { exportTiles } from '../../src/control/ledger-tiles.ts';
import { EvidenceError } from '../../src/domain/evidence/canonical-json.ts';
import { decodeBundle, encodeBundle } from '../../src/domain/evidence/tile.ts';
import { parsePolicy } from '../../src/domain/evidence/trust-policy.ts';
import type { TrustPolicy } from '../../src/domain/evidence/trust-policy.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';

export interface TamperRow {
  readonly name: string;
  readonly tried: number;
  /** By the strict policy. */
  readonly missed: number;
  /** Null: not tried. */
  readonly missedLenient: number | null;
}

export interface TamperCounts {
  readonly rows: readonly TamperRow[];
  readonly tried: number;
  readonly missed: number;
  readonly missedLenient: number;
}

/** Small, so that each try is a full verification of everything. */
const ENTRIES = 12;
const SEED = 20_261_121;

export async function tamper(
  folder: string,
  options: { readonly isQuick: boolean; readonly signal: AbortSignal },
): Promise<TamperCounts> {
  await mkdir(folder, { recursive: true });
  const ledger = await exportedLedger(join(folder, 'keys'), ENTRIES, {
    seed: 1,
    isWitnessed: true,
  });
  await ledger.writeTo(join(folder, 'export'));
  const world = await openWorld(folder, ledger);
  const [flips, edits, databaseFlips] = options.isQuick ? [600, 60, 100] : [10_000, 1_000, 3_000];
  const rows = [
    await tryAll(world, 'bit flips in the export', flips, flipBit),
    await tryAll(world, 'structural edits of the export', edits, editStructure),
    await tryAll(world, 'truncations of the export', Math.ceil(edits / 5), truncate),
    await tryAll(world, 'checkpoints of a fork or of another time', 4, swapCheckpoint),
    await flipDatabase(folder, ledger, { flips: databaseFlips, signal: options.signal }),
  ];
  return {
    rows,
    tried: rows.reduce((sum, { tried }) => sum + tried, 0),
    missed: rows.reduce((sum, { missed }) => sum + missed, 0),
    missedLenient: rows.reduce((sum, { missedLenient }) => sum + (missedLenient ?? 0), 0),
  };
}

interface World {
  readonly target: string;
  readonly policy: TrustPolicy;
  /** Contents of the untouched export by path; a quarter of the flips go to the checkpoint. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly otherNotes: readonly string[];
  readonly random: () => number;
}

/** Gives the path and its new content. */
type Tampering = (world: World, n: number) => readonly [path: string, content: Uint8Array];

async function tryAll(
  world: World,
  name: string,
  count: number,
  tampering: Tampering,
): Promise<TamperRow> {
  let [tried, missed, missedLenient] = [0, 0, 0];
  for (let n = 0; n < count; n += 1) {
    const [path, content] = tampering(world, n);
    const before = world.files.get(path) ?? Buffer.alloc(0);
    if (before.equals(content)) continue;
    await writeFile(path, content);
    tried += 1;
    if (await isBelieved(world, 'strict')) missed += 1;
    if (await isBelieved(world, 'lenient')) missedLenient += 1;
    await writeFile(path, before);
  }
  if (!(await isBelieved(world, 'strict'))) throw new Error('the untouched export is not believed');
  return { name, tried, missed, missedLenient };
}

async function isBelieved(world: World, strictness: 'strict' | 'lenient'): Promise<boolean> {
  const { target, policy } = world;
  const onProgress = (): void => undefined;
  const options = { folder: target, policy, strictness, workers: 1, onProgress };
  return (await verifyFolder(options)).valid;
}

function flipBit(world: World, n: number): readonly [string, Uint8Array] {
  const path = pathOf(world, n % 4 === 0 ? /checkpoint$/ : /tile/);
  const changed = Buffer.from(world.files.get(path) ?? []);
  const bit = Math.floor(world.random() * changed.length * 8);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return [path, changed];
}

/** Entries swapped, left out, doubled, or put in from elsewhere. */
function editStructure(world: World, n: number): readonly [string, Uint8Array] {
  const path = pathOf(world, /entries/);
  const entries = [...decodeBundle(world.files.get(path) ?? Buffer.alloc(0), ENTRIES)];
  const at = Math.floor(world.random() * ENTRIES);
  const other = Math.floor(world.random() * ENTRIES);
  const [one, two] = [entries[at] ?? Buffer.alloc(0), entries[other] ?? Buffer.alloc(0)];
  switch (n % 4) {
    case 0:
      [entries[at], entries[other]] = [two, one];
      break;
    case 1:
      entries.splice(at, 1);
      break;
    case 2:
      entries.splice(at, 0, two);
      break;
    default:
      entries[at] = two;
  }
  return [path, encodeBundle(entries)];
}

function truncate(world: World): readonly [string, Uint8Array] {
  const path = pathOf(world, /./);
  const content = world.files.get(path) ?? Buffer.alloc(0);
  return [path, content.subarray(0, Math.floor(world.random() * content.length))];
}

function swapCheckpoint(world: World, n: number): readonly [string, Uint8Array] {
  const note = world.otherNotes[n % world.otherNotes.length] ?? '';
  return [pathOf(world, /checkpoint$/), Buffer.from(note)];
}

function pathOf({ files, random }: World, pattern: RegExp): string {
  const paths = [...files.keys()].filter((path) => pattern.test(path));
  return paths[Math.floor(random() * paths.length)] ?? '';
}

async function openWorld(folder: string, ledger: ExportedLedger): Promise<World> {
  const target = join(folder, 'export');
  const found = await readdir(target, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  const files = new Map<string, Buffer>();
  for (const path of paths) files.set(path, await readFile(path));
  const others = [
    exportedLedger(join(folder, 'keys'), ENTRIES, { seed: 1, isWitnessed: true, fork: 'other' }),
    exportedLedger(join(folder, 'keys'), ENTRIES - 1, { seed: 1, isWitnessed: true }),
    exportedLedger(join(folder, 'keys'), ENTRIES, { seed: 2, isWitnessed: true }),
    exportedLedger(join(folder, 'keys'), ENTRIES, { seed: 1, isWitnessed: false }),
  ];
  const otherNotes = (await Promise.all(others)).map(({ note }) => note);
  return {
    target,
    policy: parsePolicy(ledger.policyText),
    files,
    otherNotes,
    random: seeded(SEED),
  };
}

/** A flip is missed when an export of the changed file is believed and is not the one of the unchanged file. */
async function flipDatabase(
  folder: string,
  ledger: ExportedLedger,
  options: { readonly flips: number; readonly signal: AbortSignal },
): Promise<TamperRow> {
  const { flips, signal } = options;
  const state = join(folder, 'state');
  await writeDatabase(state, ledger, signal);
  const path = join(state, 'ledger.db');
  const database = await readFile(path);
  const want = await exportText(state, signal);
  const random = seeded(SEED + 1);
  let missed = 0;
  for (let flip = 0; flip < flips; flip += 1) {
    const bit = Math.floor(random() * database.length * 8);
    const changed = Buffer.from(database);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await rm(`${path}-wal`, { force: true });
    await rm(`${path}-shm`, { force: true });
    await writeFile(path, changed);
    const got = await exportText(state, signal).catch((error: unknown) => {
      if (error instanceof LedgerError || error instanceof EvidenceError) return null;
      throw error;
    });
    if (got === null || got === want) continue;
    if (await isTextBelieved(folder, state, ledger, signal)) missed += 1;
  }
  return { name: 'bit flips in the database file', tried: flips, missed, missedLenient: null };
}

async function writeDatabase(state: string, ledger: ExportedLedger, signal: AbortSignal) {
  await using store = await openSqliteLedger({ folder: state, sizeLimitBytes: null }, signal);
  for await (const entry of ledger.store.read({ fromIndex: 0, stream: null }, signal)) {
    await store.append({ expectedSize: entry.index, entries: [entry], blobs: [] }, signal);
  }
  await store.saveCheckpoint({ size: ENTRIES, note: ledger.note, isKept: true }, signal);
}

/** Everything an export of the file would hold, as one text. */
async function exportText(state: string, signal: AbortSignal): Promise<string> {
  let text = '';
  for await (const { path, bytes } of filesOf(state, signal)) {
    text += `${path} ${Buffer.from(bytes).toString('base64')}\n`;
  }
  return text;
}

async function* filesOf(state: string, signal: AbortSignal) {
  await using reader = await openSqliteLedgerReader(state, signal);
  const newest = (await reader.checkpoints(0, signal)).at(-1);
  const size = newest?.size ?? 0;
  yield* exportTiles(reader, { size, isThere: () => false }, signal);
  yield { path: 'checkpoint', bytes: Buffer.from(newest?.note ?? '') };
}

async function isTextBelieved(
  folder: string,
  state: string,
  ledger: ExportedLedger,
  signal: AbortSignal,
): Promise<boolean> {
  const target = join(folder, 'database-export');
  await cp(join(folder, 'export'), target, { recursive: true });
  try {
    for await (const { path, bytes } of filesOf(state, signal)) {
      await mkdir(join(target, path, '..'), { recursive: true });
      await writeFile(join(target, path), bytes);
    }
    const policy = parsePolicy(ledger.policyText);
    const onProgress = (): void => undefined;
    const options = {
      folder: target,
      policy,
      strictness: 'strict' as const,
      workers: 1,
      onProgress,
    };
    return (await verifyFolder(options)).valid;
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
