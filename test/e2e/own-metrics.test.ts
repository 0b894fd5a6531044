/** A service that answers 200 to everything and counts what it did itself: judged by its own metrics, as in examples/orders. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { projectFolder, rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

const folder = join(projectFolder, 'examples', 'orders');

/** The example's release under another name, in a hurry. */
function release(file: 'orders-v1' | 'orders-v2', name: string, from = '', to = ''): string {
  const text = readFileSync(join(folder, `${file}.yaml`), 'utf8')
    .replace('name: orders,', `name: ${name},`)
    .replace('spec:\n', () => `spec:\n  traffic: { host: ${name}.localhost }\n`)
    .replace('[node, orders.js]', () => JSON.stringify(['node', join(folder, 'orders.js')]))
    .replace('soak: 10s', 'soak: 3s')
    .replace('bake: 30s', 'bake: 1s');
  assert.ok(text.includes(from), from);
  return text.replace(from, () => to);
}

describe('a service with metrics of its own', { concurrency: true }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    const names = ['declining', 'sound', 'mute'];
    await world.applyAndWait(names.map((name) => release('orders-v1', name)).join('---\n'));
  });

  after(() => world[Symbol.asyncDispose]());

  test('goes back by the metric alone, which describe names, and replays the same', async () => {
    const name = 'declining';
    await using load = world.load({ service: name, rps: 150, connections: 8 });
    // By nothing else: the other metric is better than before, so that chance can't make it seem worse.
    const declines = "DECLINES: '0.12'";
    await world.apply(release('orders-v2', name, declines, `${declines}, QUERY_MS: '1'`));
    const end = await rolloutEnd(world, name, { timeoutMs: 150_000 });
    assert.equal(end.outcome, 'rolled-back');
    assert.equal(end.cause?.kind, 'gate-failed');
    assert.match(
      end.cause?.sentence ?? '',
      /by metric declined: candidate [\d,]+ of [\d,]+ bad, stable [\d,]+ of [\d,]+; evidence that the candidate is worse/,
    );
    const { errors, requests } = await load.stop();
    assert.ok(requests > 0);
    assert.equal(errors, 0, 'HTTP shows nothing of it');
    const { stdout } = await world.must('describe', name);
    assert.match(stdout, /most by declined/);
    assert.match(stdout, /declined +[\d,]+ of [\d,]+ bad +[\d,]+ of [\d,]+ bad/);
    // A rollback may come before stable has shown enough of them.
    assert.match(stdout, /queries +(-|[\d,]+ of [\d,]+)/);
    const { status } = await world.service(name);
    assert.equal(status.rollout?.gate?.metric, 'declined');
    const own = status.rollout?.gate?.metrics.find(({ metric }) => metric === 'declined');
    assert.ok((own?.candidate.failures ?? 0) > 0);
    const replayed = await world.must('replay', end.id);
    assert.match(replayed.stdout, /same|byte for byte/);
  });

  test('is promoted when its metrics are better than before', async () => {
    const name = 'sound';
    await using load = world.load({ service: name, rps: 150, connections: 8 });
    // Not as good as before: of those, the gate takes some back by chance, as its error says.
    const better = "DECLINES: '0', QUERY_MS: '1'";
    await world.apply(release('orders-v2', name, "DECLINES: '0.12'", better));
    const end = await rolloutEnd(world, name, { timeoutMs: 150_000 });
    assert.equal(end.outcome, 'promoted', end.cause?.sentence);
    await load.stop();
  });

  test('that stops publishing is held, not promoted and not blamed', async () => {
    const name = 'mute';
    await using load = world.load({ service: name, rps: 150, connections: 8 });
    const headers = { 'x-envoy-attempt-count': '2' };
    await using retries = world.load({ service: name, rps: 20, connections: 2, headers });
    await world.apply(release('orders-v2', name, 'path: /metrics', 'path: /orders'));
    const held = await waitFor('the hold', async () => {
      const { rollout } = (await world.service(name)).status;
      const isTold = (rollout?.gate?.setAside?.retry ?? 0) > 0;
      return isTold && rollout?.gate?.heldBy === 'telemetry' ? rollout : null;
    });
    await retries.stop();
    assert.match(
      held.gate?.sentence ?? '',
      /metric declined is not known: mute-\w+-\d+: GET \/orders answered application\/json, not text\/plain/,
    );
    assert.equal(held.phase, 'judging');
    const { stdout } = await world.must('describe', name);
    assert.match(stdout, /No evidence: +[\d,]+ retries/);
    assert.match(stdout, /Metric declined: +not known: mute-\w+-\d+: GET \/orders answered/);
    await load.stop();
    await world.must('rollout', 'abort', name);
  });
});
