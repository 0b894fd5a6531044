import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { LoadInterval } from '../../domain/load/load-result.ts';
import { LoadError } from './load-options.ts';
import type { LoadOptions } from './load-options.ts';
import { startLoadProcess } from './load-process.ts';

const root = join(import.meta.dirname, '../../..');

async function startTarget(failsAfter: number) {
  let received = 0;
  const server = createServer((_request, response) => {
    received += 1;
    response.writeHead(received > failsAfter ? 503 : 200).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    received: () => received,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function optionsFor(url: string, change: Partial<LoadOptions> = {}): LoadOptions {
  const loose = { sendLagP99LimitMs: 30_000, timeoutMs: 60_000 };
  return {
    url,
    headers: {},
    targetRps: 200,
    durationMs: null,
    connections: 8,
    ...loose,
    ...change,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH is the answer looked for.
    return false;
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const boundMs = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < boundMs, `waited 60 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a load process streams its intervals, stops when told and is gone', async () => {
  await using target = await startTarget(100);
  const intervals: LoadInterval[] = [];
  await using load = startLoadProcess(optionsFor(target.url), (interval) =>
    intervals.push(interval),
  );
  await until('some requests failed', () => load.failuresBetween(0, Infinity) > 20);
  const result = await load.stop();
  assert.equal(result.requests, target.received());
  assert.equal(result.errors, target.received() - 100);
  assert.equal(load.failuresBetween(0, Infinity), result.errors);
  assert.equal(load.failuresBetween(0, result.startedAtMs), 0);
  const told = intervals.reduce((total, interval) => total + interval.requests, 0);
  assert.equal(told, result.requests);
  assert.deepEqual(await load.stop(), result);
  assert.deepEqual(await load.finished(), result);
  await until('the worker is gone', () => !isAlive(load.pid));
});

test('a load process with a duration ends by itself', async () => {
  await using target = await startTarget(Infinity);
  await using load = startLoadProcess(optionsFor(target.url, { durationMs: 200 }));
  const result = await load.finished();
  assert.deepEqual(result.byStatus, { '200': 40 });
});

test('disposing kills the worker at once and its result is an error', async () => {
  await using target = await startTarget(Infinity);
  const load = startLoadProcess(optionsFor(target.url));
  await until('requests arrive', () => target.received() > 0);
  await load[Symbol.asyncDispose]();
  assert.equal(isAlive(load.pid), false);
  await assert.rejects(load.finished(), { name: 'LoadError', code: 'worker-killed' });
});

test('a worker that dies is an error with its end in it', async () => {
  await using target = await startTarget(Infinity);
  await using load = startLoadProcess(optionsFor(target.url));
  await until('requests arrive', () => target.received() > 0);
  process.kill(load.pid, 'SIGKILL');
  await assert.rejects(load.stop(), (error) => {
    assert.ok(error instanceof LoadError);
    assert.equal(error.code, 'worker-failed');
    assert.match(error.message, /ended by itself with SIGKILL/);
    return true;
  });
});

test('options that cannot be run are refused before a process is started', () => {
  assert.throws(() => startLoadProcess(optionsFor('checkout')), { code: 'options-refused' });
});

test('a worker ends when the process that started it is killed', async () => {
  await using target = await startTarget(Infinity);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-load-'));
  const script = join(folder, 'parent.ts');
  const module = JSON.stringify(join(import.meta.dirname, 'load-process.ts'));
  const options = JSON.stringify(optionsFor(target.url));
  await writeFile(
    script,
    `import { startLoadProcess } from ${module};
     process.send(startLoadProcess(${options}).pid);`,
  );
  const parent = fork(script, { execArgv: [] });
  try {
    const workerPid = await new Promise<unknown>((resolve) => parent.once('message', resolve));
    assert.ok(typeof workerPid === 'number');
    await until('requests arrive', () => target.received() > 0);
    parent.kill('SIGKILL');
    await until('the worker is gone', () => !isAlive(workerPid));
  } finally {
    parent.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});

test('the emitted JavaScript finds its worker too', async () => {
  await using target = await startTarget(Infinity);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-load-'));
  try {
    // An emit of this folder alone, beside the packages it needs.
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.build.json'),
        compilerOptions: {
          rootDir: join(root, 'src'),
          outDir: join(folder, 'dist'),
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: [],
        files: [
          join(root, 'src/adapters/load/load-process.ts'),
          join(root, 'src/adapters/load/load-worker.ts'),
        ],
      }),
    );
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const run = promisify(execFile);
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    const script = `
      import { startLoadProcess } from './dist/adapters/load/load-process.js';
      const options = ${JSON.stringify(optionsFor(target.url, { durationMs: 200 }))};
      const result = await startLoadProcess(options).finished();
      console.log(JSON.stringify(result.byStatus));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
    });
    assert.equal(stdout.trim(), '{"200":40}');
  } finally {
    await rm(folder, { recursive: true });
  }
});
