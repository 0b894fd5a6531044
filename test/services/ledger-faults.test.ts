/**
 * Each system call with which the ledger and its keys reach the disk fails once, by strace's injection: the program has to say so, and
 * what it says is done has to be there. Needs strace and the right to trace a child.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, openSync, closeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openLogNoteSigners } from '../../src/adapters/system/note-signing-key.ts';
import { openPersonKey } from '../../src/adapters/system/person-key.ts';
import { hexOfHash } from '../../src/domain/evidence/digest.ts';
import { MerkleEdge } from '../../src/domain/evidence/merkle-edge.ts';
import { openVerification } from '../../src/domain/evidence/verify-ledger.ts';

const program = join(import.meta.dirname, 'ledger-faults.fixture.ts');
const BATCHES = 6;

/** More than the program makes of any of them; a number that no call has ends the row. */
const MOST_CALLS = 400;

/** Of `pwrite64` every seventh one, which are some of each file, unless all are wanted. */
const STRIDE = process.env['TIDEGATE_FAULTS'] === 'all' ? 1 : 7;

/** What this program calls; it makes files whole by `link`, and SQLite syncs by `fsync`. */
const FAULTS: readonly (readonly [call: string, error: string, stride: number])[] = [
  ['pwrite64', 'EIO', STRIDE],
  ['pwrite64', 'ENOSPC', STRIDE],
  ['fsync', 'EIO', 1],
  ['ftruncate', 'ENOSPC', 1],
  ['link', 'EIO', 1],
  ['unlink', 'EIO', 1],
  ['write', 'ENOSPC', 1],
];

for (const [call, error, stride] of FAULTS) {
  test(`each ${call} that fails with ${error} is told, and nothing that is said to be done is missing`, async (context) => {
    const refusal = whyNoTracing();
    if (refusal !== null) return context.skip(refusal);
    let hits = 0;
    for (let number = 1; number <= MOST_CALLS; number += stride) {
      await using run = await runWith(`${call}:error=${error}:when=${number}`);
      const isHit = run.log.includes('(INJECTED)');
      await checkWhole(run, `${call} ${number} ${error}`);
      if (!isHit) break;
      hits += 1;
      // A call that may fail without a loss, as removing a draft may, needs not be told: then all has to be done.
      assert.ok(
        run.told.some(({ kind }) => kind === 'error') || isComplete(run.told) || run.status !== 0,
        `${call} ${number}: neither done nor an error`,
      );
    }
    assert.ok(hits > 0, `nothing was tried: ${call} is not called any more`);
    assert.ok(hits < MOST_CALLS / stride, 'there are more calls than are tried');
    context.diagnostic(`${hits} calls failed once each`);
  });
}

test('nothing is told to be durable before the write-ahead log was synced, and a missing sync is seen', async (context) => {
  const refusal = whyNoTracing();
  if (refusal !== null) return context.skip(refusal);
  await using run = await runWith(null);
  await checkWhole(run, 'no fault');
  assert.ok(isComplete(run.told), JSON.stringify(run.told));
  const lines = run.log.split('\n');
  assert.deepEqual(unsyncedBatches(lines), []);
  const withoutSyncs = lines.filter((line) => !/ (fsync|fdatasync)\(/.test(line));
  assert.deepEqual(unsyncedBatches(withoutSyncs).length, BATCHES);
});

interface Told {
  readonly kind: 'entry' | 'checkpoint' | 'done' | 'error';
  readonly what?: string;
  readonly index?: number;
  readonly leafHash?: string;
  readonly size?: number;
  readonly message?: string;
}

interface Run extends AsyncDisposable {
  readonly folder: string;
  readonly told: readonly Told[];
  readonly log: string;
  readonly status: number | null;
}

/** `fault`: as strace's inject wants it; null: none. */
async function runWith(fault: string | null): Promise<Run> {
  const base = await mkdtemp(join(tmpdir(), 'tidegate-faults-'));
  const folder = join(base, 'state');
  const log = join(base, 'strace.log');
  const calls = 'pwrite64,write,fsync,fdatasync,ftruncate,link,unlink,rename';
  const inject = fault === null ? [] : ['-e', `inject=${fault}`];
  const trace = ['-f', '-qq', '-y', '-s', '200', '-e', `trace=${calls}`, ...inject, '-o', log];
  const told = openSync(join(base, 'told'), 'a');
  // One thread of the pool, as strace counts the calls of each thread by itself.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_TEST_CONTEXT: undefined };
  const { status } = spawnSync('strace', [...trace, process.execPath, program, folder], {
    stdio: ['ignore', 'ignore', 'ignore', told],
    env,
    timeout: 120_000,
  });
  closeSync(told);
  const lines = (await readFile(join(base, 'told'), 'utf8')).split('\n');
  return {
    folder,
    status,
    log: await readFile(log, 'utf8'),
    told: lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Told),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

/** What the program said is done is there, and what is there fits together. */
async function checkWhole({ folder, told }: Run, where: string): Promise<void> {
  const done = told.flatMap(({ kind, what }) => (kind === 'done' ? [what ?? ''] : []));
  for (const { kind, message } of told) {
    if (kind === 'error') assert.ok((message ?? '').length > 10, `${where}: an error says nothing`);
  }
  const person = { path: join(folder, 'person.json'), passphrase: null };
  if (done.includes('person') || existsSync(person.path)) await openPersonKey(person);
  if (done.length === 0) return;
  // Keys that are there are whole; those that are not are made now.
  await openLogNoteSigners(folder);
  const leaves = await leavesOf(folder, where);
  for (const { kind, index = -1, leafHash, size = -1 } of told) {
    if (kind === 'entry') assert.equal(leaves.hashes[index], leafHash, `${where}: entry ${index}`);
    if (kind === 'checkpoint') assert.ok(leaves.checkpoints.includes(size), `${where}: checkpoint`);
  }
}

async function leavesOf(folder: string, where: string) {
  const signal = AbortSignal.timeout(60_000);
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  const verification = openVerification({ trustedKeyId: null });
  const hashes: string[] = [];
  for await (const { leaf, leafHash } of store.read({ fromIndex: 0, stream: null }, signal)) {
    verification.add(leaf);
    hashes.push(leafHash);
  }
  const report = verification.finish();
  if (hashes.length > 0) assert.equal(report.firstProblem, null, where);
  const root = MerkleEdge.of(await store.edge(signal))?.root();
  assert.equal(hexOfHash(root ?? new Uint8Array()), report.root, `${where}: tree`);
  // The key's enrolment, then batches of two: an even number would be half of one.
  assert.ok(hashes.length === 0 || hashes.length % 2 === 1, `${where}: ${hashes.length} entries`);
  const checkpoints = (await store.checkpoints(0, signal)).map(({ size }) => size);
  return { hashes, checkpoints };
}

function isComplete(told: readonly Told[]): boolean {
  const done = told.filter(({ kind }) => kind === 'done').map(({ what }) => what);
  const batches = Array.from({ length: BATCHES }, (_, at) => `batch ${at}`);
  return ['keys', 'person', ...batches, 'checkpoint', 'ledger'].every((each) =>
    done.includes(each),
  );
}

/** Numbers of the batches that were told without a sync of the write-ahead log since the one before. */
function unsyncedBatches(log: readonly string[]): readonly string[] {
  const unsynced: string[] = [];
  let isSynced = false;
  for (const line of log) {
    if (/ (fsync|fdatasync)\(\d+<[^>]*ledger\.db-wal>\) += 0/.test(line)) isSynced = true;
    const batch = /write\(3<.*"what\\":\\"(batch \d+)\\"/.exec(line)?.[1];
    if (batch === undefined) continue;
    if (!isSynced) unsynced.push(batch);
    isSynced = false;
  }
  return unsynced;
}

/** Null: a child can be traced here. */
function whyNoTracing(): string | null {
  const run = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (run.status === 0) return null;
  return `cannot trace a child with strace: ${run.error?.message ?? run.stderr.trim()}`;
}
