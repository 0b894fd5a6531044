import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { workerCountOf } from '../../../adapters/gateway/worker-count.ts';
import { until } from '../gateway-fixture.ts';
import { WorkerPlane } from './worker-plane.ts';

/** A plane whose workers are this program. */
async function planeOf(program: string) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-workers-'));
  const entry = join(folder, 'worker.mjs');
  await writeFile(entry, program);
  const lines: string[] = [];
  const plane = new WorkerPlane({
    workerCount: 2,
    program: { entry, argv: [] },
    log: (line) => lines.push(line),
  });
  return {
    plane,
    lines,
    [Symbol.asyncDispose]: async () => {
      await plane.stop(0);
      await rm(folder, { recursive: true });
    },
  };
}

/** Says that it serves, and dies when `when` is so; the first of each kind lives until all serve. */
function worker(when: string): string {
  return `
    process.on('message', (message) => {
      if (message.type === 'begin') process.send({ type: 'serving' });
      if (message.type === 'stop') process.exit(0);
    });
    process.send({ type: 'ready' });
    setInterval(() => process.send({ type: 'counted', version: -1, counters: [], underWay: [] }), 50);
    ${when}
  `;
}

test('a worker that dies again and again is started less and less often, and the log says so', async () => {
  const dying = worker(`if (process.argv.at(-1) === '1') setTimeout(() => process.exit(7), 300);`);
  await using opened = await planeOf(dying);
  await opened.plane.listen({ host: '127.0.0.1', port: 0 });
  const deaths = () => opened.lines.filter((line) => line.includes('has ended'));
  await until(() => deaths().length === 4);
  const waits = deaths().map((line) => Number(/in (\d+) ms$/.exec(line)?.[1]));
  assert.deepEqual(waits, [0, 100, 200, 400]);
  assert.match(deaths()[0] ?? '', /^worker 1 \(pid \d+\) has ended with code 7 after \d+\.\d s; /);
  assert.ok(opened.plane.workers.lost >= 4);
  assert.ok(opened.plane.workers.serving >= 1);
});

test('workers that cannot start keep the gateway from starting, and say why', async () => {
  await using opened = await planeOf(`process.exit(3);`);
  const listening = opened.plane.listen({ host: '127.0.0.1', port: 0 });
  await assert.rejects(listening, /worker \d could not start: it has ended with code 3/);
});

test('a port that another program has is not shared with it', async () => {
  await using opened = await planeOf(worker(''));
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen({ port: 0, host: '127.0.0.1', reusePort: true }, () => {
      const address = other.address();
      resolve(address !== null && typeof address === 'object' ? address.port : 0);
    });
  });
  await assert.rejects(opened.plane.listen({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
  other.close();
});

for (const [text, want] of [
  ['1', 1],
  ['64', 64],
  ['0', null],
  ['65', null],
  ['-1', null],
  ['2.5', null],
  ['two', null],
  ['', null],
] as const) {
  test(`--workers ${text} is ${want ?? 'refused'}`, () => {
    assert.equal(workerCountOf(text), want);
  });
}

test('--workers auto is one for each core, and at least one', () => {
  assert.ok((workerCountOf('auto') ?? 0) >= 1);
});
