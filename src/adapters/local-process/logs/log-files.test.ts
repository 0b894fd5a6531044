import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { LogQuery } from '../../../ports/platform.ts';
import { never, Place, realClock, until, untilOnly } from '../local-process.fixture.ts';
import { LogFiles, ownerOf, rotateWhenOver, type LogFile } from './log-files.ts';
import { readLogs } from './read-logs.ts';

const ID = 'shop-0123456789-1';
const ALL: LogQuery = {
  service: 'shop',
  revisionId: null,
  instanceId: null,
  tailLines: Infinity,
  follow: false,
};

class LogFolder implements AsyncDisposable {
  readonly folder: string;
  readonly files: LogFiles;

  constructor(folder: string) {
    this.folder = folder;
    this.files = new LogFiles(folder);
  }

  static async make(): Promise<LogFolder> {
    const made = new LogFolder(await mkdtemp(join(tmpdir(), 'tidegate-logs-')));
    await made.files.prepare();
    return made;
  }

  /** Standard output of an instance, with an empty standard error beside it. */
  async file(id = ID): Promise<LogFile> {
    const [out, err] = this.files.of(id);
    assert.ok(out && err);
    await writeFile(err.path, '');
    await writeFile(out.path, '');
    return out;
  }

  async texts(query: Partial<LogQuery> = {}): Promise<readonly string[]> {
    const reading = { files: this.files, clock: realClock, pollIntervalMs: 5 };
    const lines = await Array.fromAsync(readLogs(reading, { ...ALL, ...query }, never));
    return lines.map((line) => line.text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

function numbered(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => `line ${from + index}`);
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

suite('rotation', () => {
  test('a file at the bound stays, one over it becomes the old generation', async () => {
    await using logs = await LogFolder.make();
    const file = await logs.file();
    await writeFile(file.path, '12345');
    assert.equal(await rotateWhenOver(file, 5), false);
    await writeFile(file.path, '123456');
    assert.equal(await rotateWhenOver(file, 5), true);
    assert.equal(await readFile(file.oldPath, 'utf8'), '123456');
    assert.equal((await stat(file.path)).size, 0);
  });

  test('a writer that has the file open goes on at its new beginning', async () => {
    await using logs = await LogFolder.make();
    const file = await logs.file();
    const descriptor = openSync(file.path, 'a');
    try {
      writeSync(descriptor, 'before\n');
      await rotateWhenOver(file, 1);
      writeSync(descriptor, 'after\n');
    } finally {
      closeSync(descriptor);
    }
    assert.equal(await readFile(file.path, 'utf8'), 'after\n');
    assert.deepEqual(await logs.texts(), ['before', 'after']);
  });

  test('a running instance is rotated, and its files stay bounded', async () => {
    await using place = await Place.make();
    await using platform = await place.open(place.options({ logSizeMaxBytes: 4_000 }));
    await platform.ensure(place.revision('chatty'), 1, never);
    const { id } = await untilOnly(platform, (only) => only.state === 'ready');
    const [file] = new LogFiles(join(place.folder, 'platform')).of(id);
    assert.ok(file);
    const sizes = await until(
      () =>
        Promise.all(
          [file.path, file.oldPath].map((path) =>
            stat(path).then(
              (found) => found.size,
              () => 0,
            ),
          ),
        ),
      ([current = 0, old = 0]) => old > 4_000 && current > 0,
    );
    assert.ok(Math.max(...sizes) < 40_000, sizes.join(' '));
    const lines = await Array.fromAsync(platform.logs({ ...ALL, tailLines: 20 }, never));
    assert.deepEqual(
      lines.filter((line) => line.text !== `line ${'x'.repeat(90)}` && line.text !== 'started'),
      [],
    );
  });
});

suite('reading', () => {
  const rows = [
    { name: 'none', tailLines: 0, want: [] },
    { name: 'from the current file alone', tailLines: 2, want: ['line 8', 'line 9'] },
    { name: 'exactly the current file', tailLines: 5, want: numbered(5, 10) },
    { name: 'reaching into the old generation', tailLines: 6, want: numbered(4, 10) },
    { name: 'all', tailLines: Infinity, want: numbered(0, 10) },
  ];
  for (const { name, tailLines, want } of rows) {
    test(`the last ${tailLines} lines are ${name}`, async () => {
      await using logs = await LogFolder.make();
      const file = await logs.file();
      await writeFile(file.oldPath, asText(numbered(0, 5)));
      await writeFile(file.path, asText(numbered(5, 10)));
      assert.deepEqual(await logs.texts({ tailLines }), want);
    });
  }

  test('long files are read from their end, an unfinished last line included', async () => {
    await using logs = await LogFolder.make();
    const file = await logs.file();
    await writeFile(file.path, `${asText(numbered(0, 100_000))}half`);
    assert.deepEqual(await logs.texts({ tailLines: 3 }), ['line 99998', 'line 99999', 'half']);
    const all = await logs.texts();
    assert.equal(all.length, 100_001);
    assert.equal(all[50_000], 'line 50000');
  });

  test('a line without an end is cut into pieces', async () => {
    await using logs = await LogFolder.make();
    const file = await logs.file();
    await writeFile(file.path, 'x'.repeat(64 * 1_024 + 1));
    assert.deepEqual(
      (await logs.texts()).map((text) => text.length),
      [64 * 1_024, 1],
    );
  });

  test('only what was asked for is read', async () => {
    await using logs = await LogFolder.make();
    for (const id of [
      'shop-0123456789-1',
      'shop-0123456789-10',
      'shop-aaaaaaaaaa-1',
      'web-shop-0123456789-1',
    ]) {
      await writeFile((await logs.file(id)).path, `${id}\n`);
    }
    assert.deepEqual(await logs.texts({ service: 'web' }), []);
    assert.deepEqual(await logs.texts({ service: 'web-shop' }), ['web-shop-0123456789-1']);
    assert.deepEqual(await logs.texts({ revisionId: 'shop-0123456789' }), [
      'shop-0123456789-1',
      'shop-0123456789-10',
    ]);
    assert.deepEqual(await logs.texts({ instanceId: 'shop-aaaaaaaaaa-1' }), ['shop-aaaaaaaaaa-1']);
  });

  test('a follower misses and repeats nothing over rotations', async () => {
    await using logs = await LogFolder.make();
    const file = await logs.file();
    const seen: string[] = [];
    const controller = new AbortController();
    const reading = (async () => {
      const source = { files: logs.files, clock: realClock, pollIntervalMs: 1 };
      for await (const line of readLogs(source, { ...ALL, follow: true }, controller.signal)) {
        seen.push(line.text);
      }
    })();
    const descriptor = openSync(file.path, 'a');
    for (let round = 0; round < 20; round += 1) {
      const lines = numbered(round * 10, round * 10 + 10);
      const text = asText(lines);
      // In the middle of a line, so that one is spread over two generations.
      writeSync(descriptor, text.slice(0, 33));
      if (round % 3 === 1) await rotateWhenOver(file, 0);
      writeSync(descriptor, text.slice(33));
      await until(
        () => seen.length,
        (count) => count >= (round + 1) * 10,
      );
    }
    closeSync(descriptor);
    controller.abort();
    await reading;
    assert.deepEqual(seen, numbered(0, 200));
  });
});

suite('the logs of gone instances', () => {
  test('the latest written are kept, the others removed', async () => {
    await using logs = await LogFolder.make();
    const ids = [1, 2, 3, 4].map((number) => `shop-0123456789-${number}`);
    for (const [index, id] of ids.entries()) {
      const file = await logs.file(id);
      for (const { path } of logs.files.of(id)) await utimes(path, 1_000 + index, 1_000 + index);
      await writeFile(file.oldPath, 'old');
    }
    await logs.files.forgetOldest(ids, 2);
    assert.deepEqual(await logs.files.instanceIds(), ids.slice(2));
    await assert.rejects(stat(logs.files.of(ids[0] ?? '')[0]?.oldPath ?? ''), { code: 'ENOENT' });
  });

  test('a platform keeps as many as its setting says', async () => {
    await using place = await Place.make();
    await using platform = await place.open(place.options({ goneInstancesKept: 1 }));
    const revision = place.revision('healthy');
    await platform.ensure(revision, 3, never);
    await platform.stop(revision, never);
    const files = new LogFiles(join(place.folder, 'platform'));
    await until(
      () => files.instanceIds(),
      (ids) => ids.length === 1,
    );
  });

  test('an instance id names its service, revision and number', () => {
    assert.deepEqual(ownerOf('web-shop-0123456789-12'), {
      service: 'web-shop',
      revisionId: 'web-shop-0123456789',
      number: 12,
    });
  });
});
