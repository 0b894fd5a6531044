/** The machine's clock is set back between two runs of the server. Needs libfaketime (Debian: apt install faketime). */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

import { release } from '../e2e/release.fixture.ts';
import { makeWorld, rolloutEnd } from '../e2e/world.fixture.ts';

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

const hourMs = 3_600_000;

test('a clock set back by an hour between two runs never sets back the ledger', async (context) => {
  if (library === undefined) {
    context.skip('libfaketime is not installed');
    return;
  }
  // Monotonic time is left alone: only the wall clock can be set by a person.
  const ahead = { LD_PRELOAD: library, FAKETIME: '+1h', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  await using world = await makeWorld();
  const started = await world.run(world.upArguments, { environment: ahead });
  assert.equal(started.code, 0, started.stderr);
  await world.applyAndWait(release({ version: 'v1' }));
  const before = await world.events();
  const newestMs = Date.parse(before.at(-1)?.at ?? '');
  assert.ok(newestMs > Date.now() + hourMs / 2, 'the first run was ahead of the clock');
  await world.must('down', '--keep-instances');

  await world.up();
  await using load = world.load({ service: 'pay', rps: 200 });
  await world.apply(release({ version: 'v2', gate: { worseBy: '5pp' } }));
  const end = await rolloutEnd(world, 'pay');
  assert.equal(end.outcome, 'promoted', end.cause?.sentence);
  await world.apply(release({ version: 'v3', faults: { FAIL_PERCENT: '100' } }));
  assert.equal((await rolloutEnd(world, 'pay', { rolloutId: 'pay-3' })).cause?.kind, 'gate-failed');
  const { byError } = await load.stop();
  assert.deepEqual(byError, {});

  const after = (await world.events()).slice(before.length);
  assert.ok(after.length > 5);
  for (const { at } of after) assert.ok(Date.parse(at) >= newestMs, `${at} is before the last run`);
  const spanMs = Date.parse(after.at(-1)?.at ?? '') - newestMs;
  assert.ok(spanMs < hourMs / 2, `time goes on from there, and not by leaps: ${spanMs} ms`);
  await world.verifyLedger();
});
