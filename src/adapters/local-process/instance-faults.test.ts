import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Instance, Platform } from '../../ports/platform.ts';
import { never, Place, until, untilOnly } from './local-process.fixture.ts';
import { isRunning, readProcess } from './process-table.ts';

async function ask(instance: Instance, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${instance.endpoint?.port}${path}`);
  return response.text();
}

function isReady(instance: Instance): boolean {
  return instance.state === 'ready';
}

function isAlive(pid: number): boolean {
  const stat = readProcess(pid);
  return stat !== null && isRunning(stat);
}

async function linesOf(platform: Platform): Promise<readonly string[]> {
  const query = { service: 'shop', revisionId: null, instanceId: null };
  const lines = platform.logs({ ...query, tailLines: Infinity, follow: false }, never);
  return (await Array.fromAsync(lines)).map((line) => line.text);
}

suite('crashes and probes', () => {
  test('the exit code and the last error line say why an instance crashed', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('crashing'), 1, never);
    const crashed = await untilOnly(platform, (only) => only.restarts > 0);
    assert.match(
      crashed.reason ?? '',
      /^exited with code 3 after \d+\.\d s: Error: no such table$/,
    );
    assert.equal(crashed.pid, null);
    assert.equal(crashed.endpoint, null);
  });

  test('the signal that killed an instance is named', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('segfault'), 1, never);
    const crashed = await untilOnly(platform, (only) => only.restarts > 0);
    assert.match(crashed.reason ?? '', /^killed by SIGSEGV after \d+\.\d s$/);
  });

  test('an instance that hangs is killed and started again', async () => {
    await using place = await Place.make();
    await using platform = await place.open({
      settings: { ...place.options().settings, probeTimeoutMs: 1_000 },
    });
    await platform.ensure(place.revision('healthy'), 1, never);
    const before = await untilOnly(platform, isReady);
    await ask(before, '/hang');
    await untilOnly(platform, (only) => only.state === 'unready');
    const after = await untilOnly(platform, (only) => only.restarts >= 1 && isReady(only));
    assert.notEqual(after.pid, before.pid);
    assert.match(
      after.reason ?? '',
      /^killed after \d+\.\d s: GET \/livez gave no answer within 1 s, 3 times in a row$/,
    );
  });

  test('one failed readiness probe is forgiven, two are not, and one success is enough', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('healthy'), 1, never);
    const instance = await untilOnly(platform, isReady);
    await ask(instance, '/fail=1000000');
    const failed = 'GET /readyz answered 500';
    await untilOnly(platform, ({ state, reason }) => state === 'unready' && reason === failed);
    await ask(instance, '/fail=0');
    const again = await untilOnly(platform, isReady);
    assert.deepEqual([again.pid, again.restarts, again.reason], [instance.pid, 0, null]);
  });

  test('a process that never listens is unready with the reason', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('deaf'), 1, never);
    const unready = await untilOnly(platform, (only) => only.state === 'unready');
    const port = unready.endpoint?.port;
    assert.equal(
      unready.reason,
      `not ready after 0.6 s: GET /readyz found nobody listening on port ${port}`,
    );
  });
});

suite('process groups', () => {
  test('SIGKILL ends what ignores SIGTERM, after the grace and not before', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const health = { ...place.revision('').health, stopGraceMs: 3_000 };
    const revision = place.revision('ignores-sigterm', { health });
    await platform.ensure(revision, 1, never);
    await untilOnly(platform, isReady);
    const startedMs = performance.now();
    await platform.stop(revision, never);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs >= 3_000, `${tookMs} ms`);
    assert.deepEqual(await linesOf(platform), ['started', 'not now']);
    assert.deepEqual(place.running(), []);
  });

  test('children that ignore SIGTERM are stopped with their parent', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const health = { ...place.revision('').health, stopGraceMs: 200 };
    const revision = place.revision('with-child', { health });
    await platform.ensure(revision, 1, never);
    await untilOnly(platform, isReady);
    await until(
      () => place.running().length,
      (count) => count === 2,
    );
    await platform.stop(revision, never);
    assert.deepEqual(place.running(), []);
  });

  test('children left behind by a crash are killed before the next start', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('crashing-parent'), 1, never);
    await untilOnly(platform, (only) => only.restarts > 0);
    const line = (await linesOf(platform)).find((text) => text.startsWith('child '));
    assert.ok(line);
    assert.equal(isAlive(Number(line.slice('child '.length))), false);
  });

  test('an instance gets the declared environment and nothing of the server', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const env = { GREETING: 'hello', PORT: '1', TIDEGATE_SERVICE: 'other' };
    const revision = place.revision('healthy', { env });
    await platform.ensure(revision, 1, never);
    const instance = await untilOnly(platform, isReady);
    const seen = JSON.parse(await ask(instance, '/env')) as Record<string, string>;
    const { TIDEGATE_LAUNCH: launchId, ...rest } = seen;
    assert.match(launchId ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      PATH: process.env['PATH'],
      HOME: '/nowhere',
      GREETING: 'hello',
      PORT: String(instance.endpoint?.port),
      TIDEGATE_INSTANCE: instance.id,
      TIDEGATE_SERVICE: 'shop',
      TIDEGATE_REVISION: revision.id,
      TIDEGATE_GATEWAY: place.gatewayUrl,
    });
  });

  test('CPU and memory are measured', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('healthy'), 1, never);
    const measured = await untilOnly(platform, (only) => only.rssBytes > 0 && only.cpuSeconds > 0);
    assert.ok(measured.rssBytes > 10_000_000 && measured.rssBytes < 500_000_000);
    assert.ok(measured.cpuSeconds < 10);
  });
});

suite('ports', () => {
  test('a port answered by someone else costs the instance a start, not its good name', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    await platform.ensure(place.revision('deaf'), 1, never);
    const [before] = await platform.observe(never);
    const stranger = createServer((_, response) => response.end('ok'));
    await new Promise<void>((resolve) => {
      stranger.listen(before?.endpoint?.port, '127.0.0.1', resolve);
    });
    try {
      const robbed = await untilOnly(
        platform,
        (only) => only.reason?.includes('answered by') === true,
      );
      assert.match(robbed.reason ?? '', new RegExp(`answered by process ${process.pid}, not by`));
      const after = await untilOnly(platform, (only) => only.endpoint !== null);
      assert.notEqual(after.endpoint?.port, before?.endpoint?.port);
      assert.equal(after.restarts, 0);
    } finally {
      stranger.closeAllConnections();
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  test('without a free port ensure says so, may be tried again, and leaves nothing', async () => {
    await using place = await Place.make();
    const held = createServer();
    await new Promise<void>((resolve) => held.listen(0, '127.0.0.1', resolve));
    const address = held.address();
    assert.ok(address !== null && typeof address === 'object');
    const settings = { portFirst: address.port, portLast: address.port };
    await using platform = await place.open(place.options(settings));
    await assert.rejects(platform.ensure(place.revision('healthy'), 1, never), {
      code: 'no-port',
      retryable: true,
    });
    assert.deepEqual(await platform.observe(never), []);
    await new Promise((resolve) => held.close(resolve));
  });
});

suite('what cannot be started', () => {
  const rows = [
    {
      name: 'a command that is not in PATH',
      change: { command: ['no-such-program'] },
      want: /the command "no-such-program" is not found in PATH .*; install it/,
    },
    {
      name: 'a command path that does not exist',
      change: { command: ['./nothing'] },
      want: /the command "\.\/nothing" does not exist/,
    },
    {
      name: 'a file without the right to execute',
      change: { command: ['./server.mjs'] },
      want: /the command "\.\/server\.mjs" may not be executed; run chmod \+x/,
    },
    {
      name: 'a missing working directory',
      change: { workingDirectory: '/no/such/folder' },
      want: /working directory \/no\/such\/folder does not exist/,
    },
    {
      name: 'a working directory that is a file',
      change: { workingDirectory: '/proc/version' },
      want: /working directory \/proc\/version is not a folder/,
    },
    {
      name: 'an id that is a path',
      change: { id: '../elsewhere' },
      want: /cannot start revision "\.\.\/elsewhere"/,
    },
    {
      name: 'an argument with a zero byte',
      change: { command: ['node', 'a\0b'] },
      want: /cannot start shop-\w+-1: TypeError/,
    },
  ];
  for (const { name, change, want } of rows) {
    test(`${name} is refused for good`, async () => {
      await using place = await Place.make();
      await using platform = await place.open();
      await assert.rejects(platform.ensure(place.revision('healthy', change), 1, never), {
        message: want,
        code: 'start-failed',
        retryable: false,
      });
      assert.deepEqual(await platform.observe(never), []);
    });
  }
});

suite('found again', () => {
  test('instances survive the SIGKILL of their server and are taken over', async () => {
    await using place = await Place.make();
    const module = join(import.meta.dirname, 'local-process-platform.ts');
    const { clock: _, ...options } = place.options();
    const server = join(place.folder, 'control.mjs');
    await writeFile(
      server,
      `import { openLocalProcessPlatform } from ${JSON.stringify(module)};
       const clock = { nowMs: () => Date.now(), sleep: (ms) => new Promise((done) => setTimeout(done, ms)) };
       const platform = await openLocalProcessPlatform({ ...${JSON.stringify(options)}, clock });
       const never = new AbortController().signal;
       await platform.ensure(${JSON.stringify(place.revision('healthy'))}, 2, never);
       for (;;) {
         const seen = await platform.observe(never);
         if (seen.every((one) => one.state === 'ready')) console.log(JSON.stringify(seen.map((one) => one.pid)));
         await clock.sleep(20);
       }`,
    );
    const child = spawn(process.execPath, [server], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pids = await new Promise<readonly number[]>((resolve) => {
      child.stdout.once('data', (bytes: Buffer) => {
        resolve(JSON.parse(bytes.toString().split('\n')[0] ?? '') as number[]);
      });
    });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    assert.deepEqual(pids.map(isAlive), [true, true]);
    await using platform = await place.open();
    const found = await platform.observe(never);
    assert.deepEqual(
      found.map((instance) => [instance.pid, instance.state]),
      pids.map((pid) => [pid, 'ready']),
    );
    process.kill(pids[0] ?? 0, 'SIGKILL');
    const [crashed] = await until(
      () => platform.observe(never),
      ([first]) => (first?.restarts ?? 0) >= 1 && first?.state === 'ready',
    );
    assert.match(crashed?.reason ?? '', /^ended \(how is not known/);
  });

  test('an instance that died while nobody watched is noticed and started again', async () => {
    await using place = await Place.make();
    let pid = 0;
    {
      await using platform = await place.open();
      await platform.ensure(place.revision('healthy'), 1, never);
      pid = (await untilOnly(platform, isReady)).pid ?? 0;
    }
    process.kill(pid, 'SIGKILL');
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
    await using platform = await place.open();
    const [met] = await platform.observe(never);
    assert.deepEqual([met?.state, met?.restarts], ['backing-off', 1]);
    assert.match(met?.reason ?? '', /^ended while no server watched it/);
    await untilOnly(platform, isReady);
  });

  test('a pid that belongs to another process now is never signalled', async () => {
    await using place = await Place.make();
    const revision = place.revision('healthy');
    {
      await using platform = await place.open();
      await platform.ensure(revision, 1, never);
      const { pid } = await untilOnly(platform, isReady);
      process.kill(pid ?? 0, 'SIGKILL');
      await until(
        () => isAlive(pid ?? 0),
        (alive) => !alive,
      );
    }
    // A stranger that leads a group, as an instance does, with the number written down.
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    try {
      const path = join(place.folder, 'platform', 'instances', `${revision.id}-1.json`);
      const text = await readFile(path, 'utf8');
      const record = JSON.parse(text) as { launch: { process: unknown } | null; restarts: number };
      const launch = {
        launchId: 'gone',
        bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
        port: 28_000,
        startedAtMs: 1,
        process: { pid: stranger.pid, startTicks: 1 },
        wasReady: true,
      };
      await writeFile(path, JSON.stringify({ ...record, launch }));
      await using platform = await place.open();
      const [met] = await platform.observe(never);
      assert.equal(met?.state, 'backing-off');
      await platform.stop(revision, never);
      assert.equal(isAlive(stranger.pid ?? 0), true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  test('a process whose pid was not written down any more is found by its launch', async () => {
    await using place = await Place.make();
    const revision = place.revision('healthy');
    let before: Instance;
    {
      await using platform = await place.open();
      await platform.ensure(revision, 1, never);
      before = await untilOnly(platform, isReady);
    }
    const path = join(place.folder, 'platform', 'instances', `${before.id}.json`);
    const record = JSON.parse(await readFile(path, 'utf8')) as { launch: object };
    await writeFile(
      path,
      JSON.stringify({ ...record, launch: { ...record.launch, process: null } }),
    );
    await using platform = await place.open();
    const [found] = await platform.observe(never);
    assert.deepEqual([found?.pid, found?.restarts], [before.pid, 0]);
  });

  test('a stop begun by an earlier object is carried on', async () => {
    await using place = await Place.make();
    // The first object is closed well within it.
    const health = { ...place.revision('').health, stopGraceMs: 120_000 };
    const revision = place.revision('ignores-sigterm', { health });
    {
      await using platform = await place.open();
      await platform.ensure(revision, 1, never);
      await untilOnly(platform, isReady);
      const stopping = platform.stop(revision, never);
      stopping.catch(() => undefined);
      await until(
        () => linesOf(platform),
        (lines) => lines.includes('not now'),
      );
      await platform[Symbol.asyncDispose]();
      await assert.rejects(stopping, { code: 'stop-failed', retryable: true });
    }
    assert.equal(place.running().length, 1);
    const path = join(place.folder, 'platform', 'instances', `${revision.id}-1.json`);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"stopGraceMs": \d+/, '"stopGraceMs": 400'));
    await using platform = await place.open();
    assert.equal((await platform.observe(never))[0]?.state, 'stopping');
    await until(
      () => platform.observe(never),
      (instances) => instances.length === 0,
    );
    assert.deepEqual(place.running(), []);
  });

  test('after a restart of the machine instances are started anew, which is no crash', async () => {
    await using place = await Place.make();
    const revision = place.revision('healthy');
    {
      await using platform = await place.open();
      await platform.ensure(revision, 1, never);
      await untilOnly(platform, isReady);
    }
    const left = place.running();
    const path = join(place.folder, 'platform', 'instances', `${revision.id}-1.json`);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"bootId": "[^"]*"/, '"bootId": "another"'));
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await using platform = await place.open();
    const again = await untilOnly(platform, isReady);
    assert.deepEqual([again.restarts, again.reason], [0, null]);
  });

  const unreadable = [
    {
      name: 'broken',
      text: '{"format":1,',
      want: /cannot read .*\.json: SyntaxError.*; stop the process/,
    },
    { name: 'incomplete', text: '{"format":1}', want: /cannot read [^]*; stop the process/ },
    { name: 'newer', text: '{"format":2}', want: /its format 2 is newer than 1; use the Tidegate/ },
  ];
  for (const { name, text, want } of unreadable) {
    test(`a record that is ${name} is refused with its path`, async () => {
      await using place = await Place.make();
      await (await place.open())[Symbol.asyncDispose]();
      const path = join(place.folder, 'platform', 'instances', 'shop-0000000001-1.json');
      await writeFile(path, text);
      await assert.rejects(place.open(), {
        message: want,
        code: 'state-unreadable',
        retryable: false,
      });
      await rm(path);
    });
  }
});
