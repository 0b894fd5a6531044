import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProbeSpec } from '../../domain/health/probe.ts';
import { never, Place, until } from './local-process.fixture.ts';

const readiness: ProbeSpec = {
  handler: { kind: 'exec', command: ['true'] },
  initialDelayMs: 0,
  periodMs: 60_000,
  timeoutMs: 60_000,
  successThreshold: 1,
  failureThreshold: 1,
};

test('fifty instances at once are started, found ready and stopped, each by its own name', async () => {
  await using place = await Place.make();
  await using platform = await place.open();
  const plain = place.revision('').health;
  const health = { ...plain, livePath: null, startTimeoutMs: 300_000, probes: { readiness } };
  const revision = place.revision('', { command: ['sleep', '600'], health, instances: 50 });
  await platform.ensure(revision, 50, never);
  const all = await until(
    () => platform.observe(never),
    (seen) => seen.filter(({ state }) => state === 'ready').length === 50,
    240_000,
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, 50);
  assert.equal(new Set(all.map(({ endpoint }) => endpoint?.port)).size, 50);
  assert.equal(new Set(all.map(({ pid }) => pid)).size, 50);
  await platform.stop(revision, never);
  assert.deepEqual(place.running(), []);
});

/** Runs in a process that may have few files open; says what happened in a line of JSON. */
const starved = (fixture: string): string => `
const { openSync, closeSync } = await import('node:fs');
const { Place, never, until } = await import(${JSON.stringify(fixture)});
await using place = await Place.make();
await using platform = await place.open();
const revision = place.revision('healthy', { health: { ...place.revision('').health, startTimeoutMs: 300000 } });
await platform.ensure(revision, 1, never);
const isReady = ([only]) => only?.state === 'ready';
await until(() => platform.observe(never), isReady, 120000);
const open = [];
const fill = () => { try { for (;;) open.push(openSync('/dev/null')); } catch (error) { return error.code; } };
const full = fill();
const said = await platform.ensure(revision, 2, never).then(() => 'started', (error) => ({ code: error.code, retryable: error.retryable, message: error.message }));
// Longer than as many probes as make an instance unready and end it, which can't be made now.
const untilMs = performance.now() + 1500;
let [seen] = await platform.observe(never);
while (performance.now() < untilMs && seen.state === 'ready') { fill(); await new Promise((go) => setTimeout(go, 20)); [seen] = await platform.observe(never); }
for (const file of open) closeSync(file);
await platform.ensure(revision, 2, never);
await until(() => platform.observe(never), (all) => all.filter(({ state }) => state === 'ready').length === 2, 120000);
console.log(JSON.stringify({ full, said, state: seen.state, restarts: seen.restarts }));
`;

test('out of descriptors nothing new is started, with the reason, and what runs is not blamed for it', async () => {
  await using place = await Place.make();
  const script = join(place.folder, 'starved.mjs');
  const fixture = new URL('./local-process.fixture.ts', import.meta.url).href;
  await writeFile(script, starved(fixture));
  const ran = spawnSync('sh', ['-c', `ulimit -n 96 && exec "$0" "$1"`, process.execPath, script], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  assert.equal(ran.status, 0, ran.stderr);
  const { full, said, state, restarts } = JSON.parse(ran.stdout) as {
    readonly full: string;
    readonly said: { readonly retryable: boolean; readonly message: string };
    readonly state: string;
    readonly restarts: number;
  };
  assert.deepEqual([full, said.retryable, state, restarts], ['EMFILE', true, 'ready', 0]);
  assert.match(said.message, /EMFILE|too many open files/);
});
