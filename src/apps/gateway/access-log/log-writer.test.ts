import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, openSync, closeSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { LogWriter } from './log-writer.ts';

async function makeFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-log-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function writerOf(path: string, log: (message: string) => void = assert.fail): Promise<LogWriter> {
  return LogWriter.open({ path, dropLine: (count) => `dropped ${count}\n`, log });
}

async function linesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

test('lines are in the file, in order, for its owner only, when the writer is closed', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'access.log');
  const writer = await writerOf(path);
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
  for (const line of lines) writer.write(`${line}\n`);
  await writer[Symbol.asyncDispose]();
  assert.deepEqual(await linesOf(path), lines);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(writer.counts, { written: 20_000, dropped: 0 });
});

test('two writers of one file never mix their lines', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'access.log');
  const writers = await Promise.all([writerOf(path), writerOf(path)]);
  for (let round = 0; round < 5000; round += 1) {
    for (const [index, writer] of writers.entries()) writer.write(`${String(index).repeat(50)}\n`);
  }
  await Promise.all(writers.map((writer) => writer[Symbol.asyncDispose]()));
  const lines = await linesOf(path);
  assert.equal(lines.length, 10_000);
  assert.ok(lines.every((line) => /^(?:0{50}|1{50})$/.test(line)));
});

for (const how of ['asked to', 'by itself'] as const) {
  test(`a file that was moved away is left, ${how}, and no line is lost`, async () => {
    await using folder = await makeFolder();
    const [path, moved] = [join(folder.path, 'access.log'), join(folder.path, 'access.log.1')];
    const writer = await writerOf(path);
    writer.write('before\n');
    writer.flush();
    await until(async () => (await linesOf(path)).length === 1);
    await rename(path, moved);
    let written = 0;
    if (how === 'asked to') writer.reopen();
    await until(async () => {
      if (how === 'by itself' || written === 0) {
        written += 1;
        writer.write(`after ${written}\n`);
        writer.flush();
      }
      return (await linesOf(path)).length > 0;
    });
    await writer[Symbol.asyncDispose]();
    const lines = [...(await linesOf(moved)), ...(await linesOf(path))];
    const after = Array.from({ length: written }, (_, index) => `after ${index + 1}`);
    assert.deepEqual(lines, ['before', ...after]);
  });
}

function wholeLines(text: string): number {
  return text.split('\n').filter((each) => each.length === 1023).length;
}

/** A pipe that takes something in between has them told in parts. */
function toldDrops(text: string): number {
  const told = text.matchAll(/^dropped (\d+)$/gm).map(([, count]) => Number(count));
  return told.reduce((sum, count) => sum + count, 0);
}

test('a reader that is behind costs lines, which are counted and told, and nobody waits', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = await writerOf(path);
  const line = `${'x'.repeat(1023)}\n`;
  const tried = 4000;
  const startedMs = performance.now();
  for (let sent = 0; sent < tried; sent += 1) {
    writer.write(line);
    // The other thread has its chance, and still nothing is read.
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(performance.now() - startedMs < 30_000);
  const { dropped } = writer.counts;
  assert.ok(dropped > 1000 && dropped < 2500, `${dropped} dropped`);
  let read = '';
  const buffer = Buffer.alloc(1024 * 1024);
  await until(() => {
    try {
      read += buffer.toString('latin1', 0, readSync(reader, buffer));
    } catch (error) {
      // Nothing is there now.
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
    return toldDrops(read) === dropped && wholeLines(read) === tried - dropped;
  });
  await writer[Symbol.asyncDispose]();
  closeSync(reader);
});

test('a disk that is full costs lines, which are counted and told once', async () => {
  const said: string[] = [];
  const writer = await writerOf('/dev/full', (message) => said.push(message));
  for (let sent = 0; sent < 3; sent += 1) {
    writer.write('line\n');
    writer.flush();
    await until(() => writer.counts.dropped > sent);
  }
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /the access log cannot be written, lines are dropped: .*ENOSPC/);
  await writer[Symbol.asyncDispose]();
  assert.equal(writer.counts.written, 0);
});

test('a file that cannot be opened is told to whoever wants it', async () => {
  await assert.rejects(writerOf('/proc/none/access.log'), { code: 'ENOENT' });
});
