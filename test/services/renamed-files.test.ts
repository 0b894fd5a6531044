/**
 * The files beside a ledger that take the place of earlier ones: the newest checkpoint, where the ledger is, backups and exports. Each
 * system call that brings them to the disk fails once, by strace's injection: then there is an error, and under each name the earlier
 * file or the new one, whole. Needs strace and the right to trace a child.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { backup } from '../../src/apps/cli/actions/backup.ts';
import { ledgerExport } from '../../src/apps/cli/actions/ledger.ts';
import { restore } from '../../src/apps/cli/actions/restore.ts';
import { fillState } from '../../src/apps/cli/backup/filled-state.fixture.ts';
import { openSession } from '../../src/apps/cli/session.ts';

const program = join(import.meta.dirname, 'renamed-files.fixture.ts');
const isAll = process.env['TIDEGATE_FAULTS'] === 'all';
const mostCalls = 400;
const notes = { before: 'the earlier checkpoint\n', after: 'the newest checkpoint, longer\n' };
const oldPlace = '{"url":null,"urlFile":null,"firstLeafHash":null}\n';

/** Every call, or each so many. */
const FAULTS: readonly (readonly [call: string, error: string, stride: number])[] = [
  ['rename', 'EIO', isAll ? 1 : 3],
  ['fsync', 'EIO', isAll ? 1 : 9],
  ['write', 'ENOSPC', isAll ? 1 : 24],
];

const refusal = whyNoTracing();
if (refusal !== null) test('files that are renamed', { skip: refusal }, () => {});
else {
  const base = await makeBase();
  after(() => rm(base, { recursive: true, force: true }));

  test('without a fault all of it is done, and the files are the new ones', async () => {
    await using run = await runWith(base, null);
    assert.deepEqual(
      run.told.map(({ kind, what }) => `${kind} ${what}`),
      ['done remember', 'done backup', 'done export', 'done place'],
    );
    await checkFiles(run, base, 'no fault');
  });

  for (const [call, error, stride] of FAULTS) {
    test(`a ${call} that fails with ${error} is told, and leaves the earlier file or the new one, whole`, async (context) => {
      let hits = 0;
      for (let number = 1; number <= mostCalls; number += stride) {
        await using run = await runWith(base, `${call}:error=${error}:when=${number}`);
        await checkFiles(run, base, `${call} ${number}`);
        if (!run.isHit) break;
        hits += 1;
        const isTold = run.told.some(({ kind }) => kind === 'error') || run.status !== 0;
        const isDone = run.told.filter(({ kind }) => kind === 'done').length === 4;
        assert.ok(isTold || isDone, `${call} ${number}: neither done nor an error`);
        if (call === 'rename') assert.ok(isTold, `rename ${number}: nobody was told`);
      }
      assert.ok(hits > 0, `nothing was tried: ${call} is not called any more`);
      context.diagnostic(`${hits} calls failed once each`);
    });
  }
}

interface Told {
  readonly kind: 'done' | 'error';
  readonly what: string;
  readonly message?: string;
}

interface Run extends AsyncDisposable {
  readonly folder: string;
  readonly told: readonly Told[];
  readonly isHit: boolean;
  readonly status: number | null;
}

/** A state folder with an earlier backup and export of it, and the new export as it has to become. */
async function makeBase(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'tidegate-renamed-'));
  const state = join(base, 'state');
  await fillState(state, 10);
  const session = quiet(state);
  await ledgerExport(session, join(base, 'export'), {});
  await backup(session, join(base, 'backup'), { version: '0.1.0' });
  await fillState(state, 300);
  await writeFile(join(state, 'newest-checkpoint'), notes.before);
  await cp(join(base, 'export'), join(base, 'old-export'), { recursive: true });
  await cp(join(base, 'export'), join(base, 'new-export'), { recursive: true });
  await ledgerExport(session, join(base, 'new-export'), {});
  return base;
}

/** `fault`: as strace's inject wants it; null: none. */
async function runWith(base: string, fault: string | null): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-renamed-run-'));
  for (const name of ['state', 'backup', 'export']) {
    await cp(join(base, name), join(folder, name), { recursive: true });
  }
  const log = join(folder, 'strace.log');
  const inject = fault === null ? [] : ['-e', `inject=${fault}`];
  const trace = ['-f', '-qq', '-e', 'trace=write,fsync,rename', ...inject, '-o', log];
  const told = openSync(join(folder, 'told'), 'a');
  const paths = ['state', 'backup', 'export'].map((name) => join(folder, name));
  // One thread of the pool, as strace counts the calls of each thread by itself.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_TEST_CONTEXT: undefined };
  const { status } = spawnSync(
    'strace',
    [...trace, process.execPath, program, ...paths, notes.after],
    { stdio: ['ignore', 'ignore', 'ignore', told], env, timeout: 300_000 },
  );
  closeSync(told);
  const lines = (await readFile(join(folder, 'told'), 'utf8')).split('\n');
  return {
    folder,
    status,
    isHit: (await readFile(log, 'utf8')).includes('(INJECTED)'),
    told: lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Told),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function checkFiles({ folder, told }: Run, base: string, where: string): Promise<void> {
  const done = told.filter(({ kind }) => kind === 'done').map(({ what }) => what);
  for (const { message = 'done and good' } of told) assert.ok(message.length > 10, where);
  const note = await readFile(join(folder, 'state', 'newest-checkpoint'), 'utf8');
  const wanted = done.includes('remember') ? [notes.after] : [notes.before, notes.after];
  assert.ok(wanted.includes(note), `${where}: ${note}`);
  const place = await readFile(join(folder, 'state', 'store.json'), 'utf8').catch(() => oldPlace);
  const { firstLeafHash } = JSON.parse(place) as { firstLeafHash: string | null };
  if (done.includes('place')) assert.equal(firstLeafHash, 'f'.repeat(64), where);
  await checkExport(join(folder, 'export'), base, { isDone: done.includes('export'), where });
  // Whatever became of the new one, there is a backup that can be restored.
  const options = { check: true, witnesses: true, version: '0.1.0' };
  await restore(quiet(join(folder, 'none')), join(folder, 'backup'), options);
}

async function checkExport(
  folder: string,
  base: string,
  { isDone, where }: { readonly isDone: boolean; readonly where: string },
): Promise<void> {
  const [before, wanted] = [join(base, 'old-export'), join(base, 'new-export')];
  for (const path of await filesIn(folder)) {
    // What a failure leaves under a name that nobody reads.
    if (path.endsWith('.tmp')) continue;
    const bytes = await readFile(join(folder, path));
    const [old, fresh] = await Promise.all([
      contentOf(join(before, path)),
      contentOf(join(wanted, path)),
    ]);
    const isOneOfThem =
      bytes.equals(fresh ?? Buffer.alloc(0)) || bytes.equals(old ?? Buffer.alloc(0));
    // ML-DSA signs otherwise each time, so a checkpoint that the backup has made is told by its form.
    const isCheckpoint = path === 'checkpoint' && CHECKPOINT.test(bytes.toString());
    assert.ok(
      isOneOfThem || isCheckpoint,
      `${where}: ${path} is neither the earlier nor the new one`,
    );
  }
  if (isDone) {
    for (const path of await filesIn(wanted))
      assert.ok((await contentOf(join(folder, path))) !== null, path);
  }
}

/** Name, size and root, and both signatures to their ends. */
const CHECKPOINT =
  /^tidegate\.dev\/ledger\/\w+\n\d+\n[\w+/=]{44}\n\n— [^ \n]+ [\w+/]+=*\n— [^ \n]+ [\w+/]{3000,}=*\n$/;

async function filesIn(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1));
}

async function contentOf(path: string): Promise<Buffer | null> {
  return readFile(path).catch(() => null);
}

/** Prints nowhere. */
function quiet(state: string) {
  const session = openSession({ state }, AbortSignal.timeout(300_000));
  const nowhere = { write: () => true } as unknown as NodeJS.WriteStream;
  return { ...session, stdout: nowhere, stderr: nowhere };
}

/** Null: a child can be traced here. */
function whyNoTracing(): string | null {
  const run = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (run.status === 0) return null;
  return `cannot trace a child with strace: ${run.error?.message ?? run.stderr.trim()}`;
}
