import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ProbeHandler, ProbeName, ProbeSpec } from '../../../domain/health/probe.ts';
import type { HealthSpec, Revision } from '../../../domain/release/revision.ts';
import type { Instance } from '../../../ports/platform.ts';
import { never, Place, realClock, until, untilOnly } from '../local-process.fixture.ts';
import { probeExec } from './probe-exec.ts';
import { probeTcp } from './probe-tcp.ts';
import { LOCAL_PROCESS_DEFAULTS } from '../settings.ts';

function spec(handler: ProbeHandler, change: Partial<ProbeSpec> = {}): ProbeSpec {
  return {
    handler,
    initialDelayMs: 0,
    periodMs: 50,
    timeoutMs: 20_000,
    successThreshold: 1,
    failureThreshold: 1,
    ...change,
  };
}

function health(
  place: Place,
  probes: Partial<Record<ProbeName, ProbeSpec>>,
): Pick<Revision, 'health'> {
  const plain: HealthSpec = place.revision('').health;
  return { health: { ...plain, livePath: null, startTimeoutMs: 60_000, probes } };
}

function exec(source: string): ProbeHandler {
  return { kind: 'exec', command: [process.execPath, '-e', source] };
}

const isReady = (instance: Instance): boolean => instance.state === 'ready';

suite('probes of an instance', () => {
  test('a port that takes connections is ready for a tcp probe, whatever it answers', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const probes = { readiness: spec({ kind: 'tcp' }) };
    await platform.ensure(place.revision('never-ready', health(place, probes)), 1, never);
    await untilOnly(platform, isReady);
  });

  test('a file decides over readiness by an exec probe in the environment of the instance', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const file = join(place.folder, 'ready-on');
    const source = `const { existsSync: has } = require('node:fs');
      if (!has(${JSON.stringify(file)} + process.env.PORT)) { console.error('no file'); process.exit(7); }`;
    const probes = { readiness: spec(exec(source)) };
    await platform.ensure(place.revision('healthy', health(place, probes)), 1, never);
    const { endpoint } = await untilOnly(platform, (only) =>
      (only.reason ?? '').endsWith('exited with code 7: no file'),
    );
    await writeFile(`${file}${endpoint?.port}`, '');
    await untilOnly(platform, isReady);
    await rm(`${file}${endpoint?.port}`);
    const unready = await untilOnly(platform, (only) => only.state === 'unready');
    assert.equal(unready.restarts, 0);
  });

  test('nothing but startup is asked until it has passed', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const [started, asked] = [join(place.folder, 'started'), join(place.folder, 'asked')];
    const isThere = `process.exit(require('node:fs').existsSync(${JSON.stringify(started)}) ? 0 : 1)`;
    const ask = `require('node:fs').writeFileSync(${JSON.stringify(asked)}, '')`;
    const startup = spec(exec(isThere), { failureThreshold: 1_000 });
    const probes = { startup, readiness: spec(exec(ask)) };
    await platform.ensure(place.revision('healthy', health(place, probes)), 1, never);
    await untilOnly(platform, (only) => (only.reason ?? '').endsWith('exited with code 1'));
    assert.equal(existsSync(asked), false);
    await writeFile(started, '');
    await untilOnly(platform, isReady);
    assert.equal(existsSync(asked), true);
  });

  test('a startup probe that fails has the process asked to end and started again', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const startup = spec(exec('process.exit(1)'), { failureThreshold: 2 });
    const revision = place.revision('healthy', health(place, { startup }));
    await platform.ensure(revision, 1, never);
    const again = await untilOnly(platform, ({ restarts }) => restarts >= 2);
    assert.notEqual(again.state, 'ready');
    assert.match(again.reason ?? '', /exited with code 1(, 2 times in a row \(startup\))?$/);
  });

  test('liveness that fails ends the process with its grace, and readiness goes first', async () => {
    await using place = await Place.make();
    await using platform = await place.open();
    const marker = join(place.folder, 'dead');
    const liveness = spec(
      exec(`process.exit(require('node:fs').existsSync(${JSON.stringify(marker)}) ? 1 : 0)`),
      { failureThreshold: 2 },
    );
    const plain = health(place, { liveness });
    const change = { health: { ...plain.health, stopGraceMs: 3_000 } };
    await platform.ensure(place.revision('ignores-sigterm', change), 1, never);
    const before = await untilOnly(platform, isReady);
    await writeFile(marker, '');
    const ending = await untilOnly(platform, (only) => only.state === 'backing-off');
    assert.match(ending.reason ?? '', /exited with code 1, 2 times in a row$/);
    await rm(marker);
    const after = await untilOnly(platform, (only) => only.restarts > 0 && isReady(only));
    assert.notEqual(after.pid, before.pid);
    const query = { service: 'shop', revisionId: null, instanceId: null };
    const lines = await Array.fromAsync(
      platform.logs({ ...query, tailLines: Infinity, follow: false }, never),
    );
    assert.deepEqual(lines.map((line) => line.text).slice(0, 3), ['started', 'not now', 'started']);
  });

  test('who sends is heard before SIGTERM, and not for longer than the bound', async () => {
    await using place = await Place.make();
    const asked: string[] = [];
    const beforeEnd = async (id: string, signal: AbortSignal): Promise<void> => {
      asked.push(id);
      // Never answers by itself.
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      asked.push('given up');
    };
    const { settings } = place.options();
    await using platform = await place.open({
      beforeEnd,
      settings: { ...settings, withdrawMaxMs: 200 },
    });
    const startup = spec(exec('process.exit(1)'));
    await platform.ensure(place.revision('healthy', health(place, { startup })), 1, never);
    const { id } = await untilOnly(platform, ({ restarts }) => restarts > 0);
    assert.deepEqual(asked.slice(0, 2), [id, 'given up']);
  });

  test('probes of its own are found again by the next platform', async () => {
    await using place = await Place.make();
    const probes = {
      readiness: spec({ kind: 'tcp' }),
      startup: spec({ kind: 'tcp' }, { failureThreshold: 900 }),
    };
    const revision = place.revision('never-ready', health(place, probes));
    {
      await using platform = await place.open();
      await platform.ensure(revision, 1, never);
      await untilOnly(platform, isReady);
    }
    await using platform = await place.open();
    const [found] = await platform.observe(never);
    assert.deepEqual([found?.state, found?.restarts], ['ready', 0]);
  });
});

suite('one exec probe', () => {
  const probe = (place: Place, source: string, change: { timeoutMs?: number } = {}) => ({
    command: [process.execPath, '-e', source],
    workingDirectory: place.folder,
    environment: { TIDEGATE_GATEWAY: place.gatewayUrl },
    timeoutMs: 30_000,
    clock: realClock,
    settings: LOCAL_PROCESS_DEFAULTS,
    ...change,
  });
  const rows = [
    { name: 'exit code 0', source: '', kind: 'ok' },
    { name: 'exit code 3', source: 'process.exit(3)', kind: 'failed', text: /exited with code 3$/ },
    {
      name: 'a signal',
      source: 'process.kill(process.pid, "SIGSEGV")',
      kind: 'failed',
      text: /was killed by SIGSEGV$/,
    },
    {
      name: 'the last line, made printable and bounded',
      source: 'console.log("first"); console.error("a\\u001b" + "b".repeat(500)); process.exit(1)',
      kind: 'failed',
      text: /exited with code 1: a\?b{198}$/,
    },
    {
      name: 'much output and success',
      source: 'process.stdout.write("x".repeat(1_000_000))',
      kind: 'ok',
    },
  ] as const;
  for (const { name, source, kind, ...more } of rows) {
    test(`${name} is ${kind}`, async () => {
      await using place = await Place.make();
      const result = await probeExec(probe(place, source), never);
      assert.equal(result.kind, kind);
      if ('text' in more && result.kind === 'failed') assert.match(result.text, more.text);
    });
  }

  test('one that takes too long is killed with all that it started', async () => {
    await using place = await Place.make();
    const child = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1_000)';
    const source = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' });
      process.on('SIGTERM', () => {}); setInterval(() => {}, 1_000)`;
    const running = probeExec(probe(place, source, { timeoutMs: 3_000 }), never);
    const result = await running;
    assert.match(result.kind === 'failed' ? result.text : '', /did not end within 3 s$/);
    assert.deepEqual(place.running(), []);
  });

  test('what a probe leaves behind is killed with its end', async () => {
    await using place = await Place.make();
    const child = 'setInterval(() => {}, 1_000)';
    const source = `require('node:child_process').spawn(process.execPath, ['-e', '${child}'], { stdio: 'inherit' }).unref()`;
    const result = await probeExec(probe(place, source), never);
    assert.equal(result.kind, 'ok');
    assert.deepEqual(place.running(), []);
  });

  test('one that is given up says nothing and leaves nothing', async () => {
    await using place = await Place.make();
    const stop = new AbortController();
    const running = probeExec(probe(place, 'setInterval(() => {}, 1_000)'), stop.signal);
    await until(
      () => place.running().length,
      (count) => count === 1,
    );
    stop.abort();
    assert.equal((await running).kind, 'unknown');
    assert.deepEqual(place.running(), []);
  });

  test('a program that is not there has failed', async () => {
    await using place = await Place.make();
    const nowhere = { ...probe(place, ''), command: ['/nowhere/at-all'] };
    const result = await probeExec(nowhere, never);
    assert.match(result.kind === 'failed' ? result.text : '', /could not be started: .*ENOENT/);
  });
});

test('a tcp probe says that nobody listens', async () => {
  const result = await probeTcp({ port: 1, timeoutMs: 30_000 }, never);
  assert.deepEqual(result, {
    kind: 'failed',
    text: 'a connection to port 1 found nobody listening on port 1',
  });
});
