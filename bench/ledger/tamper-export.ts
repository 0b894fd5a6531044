import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ExportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import { EvidenceError } from '../../src/domain/evidence/canonical-json.ts';
import { leafHash } from '../../src/domain/evidence/digest.ts';
import { formatNoteLine, parseNote } from '../../src/domain/evidence/signed-note.ts';
import { decodeBundle, encodeBundle, encodeTile } from '../../src/domain/evidence/tile.ts';
import { flippedBit, isBelieved, seeded } from './tamper-row.ts';
import type { TamperWork } from './tamper-row.ts';

/** Changes the files of one export, one try at a time, and verifies all of it each time; it is whole again afterwards. */
export async function tamperWithExport(
  work: TamperWork & { readonly ledger: ExportedLedger },
): Promise<void> {
  const { folder, ledger, counts, share, signal, add } = work;
  const world = await openWorld(folder, ledger.policyText);
  const kinds = [
    ['bit flips in the export', counts.flips, flip],
    ['structural edits of the export', counts.edits, edit],
    ['truncations of the export', counts.truncations, truncate],
  ] as const;
  for (const [name, count, change] of kinds) {
    let [tried, harmless, missed, missedLenient] = [0, 0, 0, 0];
    for (let n = 0; tried < Math.ceil(count * share); n += 1) {
      signal.throwIfAborted();
      const changes = change(world, n).filter((each) => isChange(world, each));
      if (changes.length === 0) continue;
      for (const each of changes) await put(each);
      tried += 1;
      if (isSameNote(world, changes)) harmless += 1;
      else if (await isBelieved(folder, world.policyText)) missed += 1;
      else if (await isBelieved(folder, world.policyText, 'lenient')) missedLenient += 1;
      for (const { path } of changes) await put({ path, bytes: world.files.get(path) ?? null });
    }
    if (!(await isBelieved(folder, world.policyText))) {
      throw new Error('the untouched export is not believed');
    }
    const row = {
      name: `${name} of ${world.entries} entries`,
      tried,
      harmless,
      missed,
      missedLenient,
    };
    add({ ...row, missedUnwitnessed: null });
  }
}

interface World {
  readonly policyText: string;
  readonly entries: number;
  /** Contents of the untouched export by path. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly random: () => number;
}

interface FileChange {
  readonly path: string;
  /** Null: the file is taken away. */
  readonly bytes: Uint8Array | null;
}

const SEED = 20_261_121;

/** A quarter of the flips go to the checkpoint, which is small beside the rest. */
function flip(world: World, n: number): FileChange[] {
  const path = pathOf(world, n % 4 === 0 ? /checkpoint$/ : /tile/);
  return [{ path, bytes: flippedBit(bytesOf(world, path), world.random) }];
}

/** Entries swapped, left out, doubled or replaced, with and without the tile that goes with them; tiles; lines; whole files. */
function edit(world: World, n: number): FileChange[] {
  const kind = n % 6;
  if (kind < 4) return editEntries(world, { kind, isTileToo: n % 12 >= 6 });
  return kind === 4 ? editLines(world) : moveFile(world, n);
}

function editEntries(
  world: World,
  { kind, isTileToo }: { readonly kind: number; readonly isTileToo: boolean },
): FileChange[] {
  const path = pathOf(world, /entries/);
  const width = path.includes('.p/') ? Number(path.split('/').at(-1)) : 256;
  const entries = [...decodeBundle(bytesOf(world, path), width)];
  const at = Math.floor(world.random() * entries.length);
  const other = Math.floor(world.random() * entries.length);
  const [one, two] = [entries[at] ?? Buffer.alloc(0), entries[other] ?? Buffer.alloc(0)];
  if (kind === 0) [entries[at], entries[other]] = [two, one];
  else if (kind === 1) entries.splice(at, 1);
  else if (kind === 2) entries.splice(at, 0, two);
  else entries[at] = two;
  const bundle = { path, bytes: encodeBundle(entries) };
  if (!isTileToo) return [bundle];
  const tile = encodeTile(entries.map((entry) => leafHash(entry)));
  return [bundle, { path: path.replace('/entries/', '/0/'), bytes: tile }];
}

/** A line of the checkpoint is left out, doubled, or put before another. */
function editLines(world: World): FileChange[] {
  const path = pathOf(world, /checkpoint$/);
  const lines = bytesOf(world, path).toString('utf8').split('\n');
  const [at, to] = [0, 1].map(() => Math.floor(world.random() * lines.length));
  const [line = ''] = world.random() < 0.5 ? lines.splice(at ?? 0, 1) : lines.slice(at);
  if (world.random() < 0.7) lines.splice(to ?? 0, 0, line);
  return [{ path, bytes: Buffer.from(lines.join('\n')) }];
}

/** One file takes the place of another, or is gone. The checkpoint stays: without it a folder is no export at all. */
function moveFile(world: World, n: number): FileChange[] {
  const path = pathOf(world, /tile/);
  if (n % 12 >= 6) return [{ path, bytes: null }];
  return [{ path, bytes: bytesOf(world, pathOf(world, /./)) }];
}

function truncate(world: World): FileChange[] {
  const path = pathOf(world, /./);
  const bytes = bytesOf(world, path);
  return [{ path, bytes: bytes.subarray(0, Math.floor(world.random() * bytes.length)) }];
}

/** Signatures have no order: the note with the same lines in another one is the same note. */
function isSameNote(world: World, changes: readonly FileChange[]): boolean {
  const [{ path, bytes } = { path: '', bytes: null }, ...more] = changes;
  if (!path.endsWith('checkpoint') || bytes === null || more.length > 0) return false;
  const before = sortedLines(bytesOf(world, path));
  const after = sortedLines(bytes);
  return before !== null && before === after;
}

/** Null: it is no note. */
function sortedLines(bytes: Uint8Array): string | null {
  try {
    const { text, lines } = parseNote(bytes);
    return `${text}${lines.map(formatNoteLine).toSorted().join('')}`;
  } catch (error) {
    if (error instanceof EvidenceError) return null;
    throw error;
  }
}

function isChange({ files }: World, { path, bytes }: FileChange): boolean {
  return bytes === null || files.get(path)?.equals(bytes) !== true;
}

async function put({ path, bytes }: FileChange): Promise<void> {
  if (bytes === null) await rm(path);
  else await writeFile(path, bytes);
}

function bytesOf({ files }: World, path: string): Buffer {
  return files.get(path) ?? Buffer.alloc(0);
}

function pathOf({ files, random }: World, pattern: RegExp): string {
  const paths = [...files.keys()].filter((path) => pattern.test(path));
  return paths[Math.floor(random() * paths.length)] ?? '';
}

async function openWorld(folder: string, policyText: string): Promise<World> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  const files = new Map<string, Buffer>();
  for (const path of paths) files.set(path, await readFile(path));
  const note = files.get(join(folder, 'checkpoint'))?.toString('utf8') ?? '';
  return { policyText, entries: Number(note.split('\n')[1]), files, random: seeded(SEED) };
}
