import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { hexOfHash, leafHash, leafHashHex } from '../../domain/evidence/digest.ts';
import { MerkleEdge, rootOf } from '../../domain/evidence/merkle-edge.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import { openSqliteLedger, openSqliteLedgerReader } from './sqlite-ledger-store.ts';

/**
 * This file is also the writer that is killed: started with a folder, it appends and prints each index once it was
 * acknowledged. Two entries a batch, so that half a batch would show as an odd size.
 */
const writerFolder = process.argv[2];
const KILLS = 20;
const MOST_APPENDS = 100_000;

if (writerFolder !== undefined) {
  await writeUntilKilled(writerFolder);
} else {
  test(`of a writer killed ${KILLS} times no acknowledged entry is lost and no batch is half there`, async () => {
    await using folder = await temporaryFolder();
    const random = seeded(20_261_120);
    let acknowledged = 0;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      acknowledged = await killAfter(folder.path, 1 + Math.floor(random() * 60), acknowledged);
      const size = await checkedSize(folder.path);
      assert.ok(
        size >= acknowledged,
        `kill ${kill}: ${size} entries of ${acknowledged} acknowledged`,
      );
      assert.equal(size % 2, 0, `kill ${kill}: half a batch`);
    }
    assert.ok(acknowledged > KILLS);
  });

  test('the folder is locked while its writer lives, and free as soon as it was killed', async () => {
    await using folder = await temporaryFolder();
    const writer = startWriter(folder.path);
    await firstLine(writer);
    await assert.rejects(
      openSqliteLedger({ folder: folder.path, sizeLimitBytes: null }, signal()),
      (error) => error instanceof LedgerError && error.code === 'locked' && !error.retryable,
    );
    await killed(writer);
    // A reader first: what the dead writer left in the write-ahead log is read without any writer.
    await using reader = await openSqliteLedgerReader(folder.path, signal());
    assert.ok((await reader.head(signal())).size >= 2);
    await checkedSize(folder.path);
  });
}

async function writeUntilKilled(folder: string): Promise<void> {
  const store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal());
  let { size } = await store.head(signal());
  for (let appends = 0; appends < MOST_APPENDS; appends += 1) {
    const entries = [size, size + 1].map((index) => entryOf(index));
    assert.equal(
      await store.append({ expectedSize: size, entries, blobs: [] }, signal()),
      'appended',
    );
    size += 2;
    process.stdout.write(`${size}\n`);
    // Lets the pipe drain, so that the parent hears of it while we go on.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The highest size that was acknowledged before the kill, at least `before`. */
async function killAfter(folder: string, lines: number, before: number): Promise<number> {
  const writer = startWriter(folder);
  assert.ok(writer.stdout !== null);
  let acknowledged = before;
  let seen = 0;
  for await (const text of createInterface({ input: writer.stdout })) {
    acknowledged = Number(text);
    seen += 1;
    // The lines already in the pipe are read too: they were acknowledged.
    if (seen === lines) writer.kill('SIGKILL');
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
  assert.equal(writer.signalCode, 'SIGKILL', `the writer ended by itself with ${writer.exitCode}`);
  return acknowledged;
}

async function checkedSize(folder: string): Promise<number> {
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal());
  let size = 0;
  for await (const entry of store.read({ fromIndex: 0, stream: null }, signal())) {
    assert.equal(entry.index, size);
    assert.equal(entry.leafHash, entryOf(size).leafHash);
    size += 1;
  }
  assert.equal((await store.head(signal())).size, size);
  const leaves = Array.from({ length: size }, (_, index) => leafHash(entryOf(index).leaf));
  assert.equal(
    hexOfHash(MerkleEdge.of(await store.edge(signal()))?.root() ?? Buffer.alloc(0)),
    hexOfHash(rootOf(leaves)),
    'the tree is not over the entries',
  );
  return size;
}

function entryOf(index: number) {
  const leaf = Buffer.from(`entry ${index} ${'x'.repeat(1_500)}`);
  return { stream: `s${index % 3}`, leaf, leafHash: leafHashHex(leaf) };
}

function startWriter(folder: string): ChildProcess {
  return spawn(process.execPath, [import.meta.filename, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Without this the child would report to the test runner of its parent.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
}

async function firstLine(writer: ChildProcess): Promise<void> {
  assert.ok(writer.stdout !== null);
  await once(writer.stdout, 'data', { signal: signal() });
  writer.stdout.resume();
}

async function killed(writer: ChildProcess): Promise<void> {
  const exit = once(writer, 'exit', { signal: signal() });
  writer.kill('SIGKILL');
  await exit;
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

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-crash-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
