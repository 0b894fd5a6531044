import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import type { LoadResult } from '../../domain/load/load-result.ts';
import { firstRollout, play } from '../../domain/release/release.fixture.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';
import { BlobError } from '../../ports/blob-store.ts';
import { firstProblem, keeping } from '../recording/blob-keeper.fixture.ts';
import { knownBlobs } from '../recording/blob-keeper.ts';
import { LoadDesk, type LoadTest, rolloutDuring } from './load-desk.ts';

const { signal } = new AbortController();
const by = { who: 'ana', why: 'before the sale' };

test('the whole result is a blob before the entry that has its digest, its figures, and who sent it', async () => {
  const world = await keeping();
  const desk = new LoadDesk(world);
  const state = started();
  const recorded = await desk.record(state, testOf({}), signal);
  assert.deepEqual([recorded.rolloutId, recorded.notKept], ['web-1', null]);
  assert.equal(
    recorded.sentence,
    'load test of web, 800 of 800 requests/s for 30 s: 24,000 sent, 3 failed, p99 12.3 ms; passed',
  );
  const bytes = world.files.get(recorded.sha256)?.bytes ?? assert.fail('no blob');
  assert.equal(sha256Hex(bytes), recorded.sha256);
  assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), resultOf({}));
  const [kept] = [...(await knownBlobs(world.recorder, signal)).values()];
  assert.deepEqual([kept?.action, kept?.rolloutId], ['stored', 'web-1']);
  const entries = await Array.fromAsync(world.recorder.replay(null, signal));
  assert.deepEqual(
    entries.map(({ type }) => type),
    ['key-event', 'blob-event', 'load-test'],
  );
  const data = (entries.at(-1)?.data ?? {}) as JsonObject;
  assert.deepEqual([data['result'], data['by'], data['path']], ['PASSED', by, '/orders']);
  assert.ok(!('series' in (data['figures'] as JsonObject)), 'the series is in the blob alone');
  assert.equal(await firstProblem(world.ledger), null);
});

test('without room for the blob the entry is there all the same, and the answer says why', async () => {
  const world = await keeping();
  world.trouble.error = new BlobError('full', 'the quota is used');
  const recorded = await new LoadDesk(world).record(started(), testOf({}), signal);
  assert.equal(recorded.notKept, 'the quota is used');
  const entries = await Array.fromAsync(world.recorder.replay(null, signal));
  assert.deepEqual(
    entries.slice(1).map(({ type, data }) => [type, (data as JsonObject)['action'] ?? null]),
    [
      ['blob-event', 'not-stored'],
      ['load-test', null],
    ],
  );
});

test('a result that is sent again after a lost answer is the same entry', async () => {
  const world = await keeping();
  const desk = new LoadDesk(world);
  const first = await desk.record(started(), testOf({}), signal);
  const second = await desk.record(started(), testOf({}), signal);
  assert.equal(second.index, first.index);
});

const failures: readonly (readonly [name: string, change: Partial<LoadTest>, want: RegExp])[] = [
  [
    'a threshold that failed',
    { failedThresholds: ['p99 was 12.3 ms, allowed are 5 ms'] },
    /p99 12\.3 ms; p99 was 12\.3 ms, allowed are 5 ms$/,
  ],
  [
    'a run that proves nothing',
    { result: resultOf({ valid: false, invalidBecause: ['requests were dropped'] }) },
    /; requests were dropped$/,
  ],
];
for (const [name, change, want] of failures) {
  test(`${name} has not passed`, async () => {
    const world = await keeping();
    const recorded = await new LoadDesk(world).record(started(), testOf(change), signal);
    assert.match(recorded.sentence, want);
    const entries = await Array.fromAsync(world.recorder.replay(null, signal));
    const data = (entries.at(-1)?.data ?? {}) as JsonObject;
    assert.equal(data['result'], 'FAILED');
  });
}

const past = { id: 'web-1', startedAtMs: 1_000, endedAtMs: 2_000 };
const later = { id: 'web-2', startedAtMs: 5_000, endedAtMs: 6_000 };
const spans: readonly (readonly [
  name: string,
  startedAtMs: number,
  durationMs: number,
  want: string | null,
])[] = [
  ['before the first', 0, 999, null],
  ['to its beginning', 0, 1_000, 'web-1'],
  ['from its end', 2_000, 100, 'web-1'],
  ['between two', 2_001, 2_998, null],
  ['over both', 1_500, 4_000, 'web-2'],
  ['within the second', 5_500, 100, 'web-2'],
];
for (const [name, startedAtMs, durationMs, want] of spans) {
  test(`a load ${name} is of ${want ?? 'no rollout'}`, () => {
    // Of a summary only id and times are asked for.
    const history = [past, later] as unknown as ServiceState['history'];
    assert.equal(rolloutDuring({ rollout: null, history }, { startedAtMs, durationMs }), want);
  });
}

/** Its first rollout is under way since 1 s. */
function started(): ServiceState {
  return play(firstRollout().slice(0, 1)).state;
}

function testOf(change: Partial<LoadTest>): LoadTest {
  return {
    by,
    path: '/orders',
    thresholds: { errorRatioMax: 0.01, p99MsMax: 20 },
    failedThresholds: [],
    result: resultOf({}),
    ...change,
  };
}

function resultOf(change: Partial<LoadResult>): LoadResult {
  return {
    targetRps: 800,
    achievedRps: 799.9,
    startedAtMs: 2_000,
    durationMs: 30_000,
    scheduled: 24_000,
    requests: 24_000,
    dropped: 0,
    errors: 3,
    byStatus: { '200': 23_997, '503': 3 },
    byError: {},
    p50Ms: 2,
    p95Ms: 8,
    p99Ms: 12.345,
    p999Ms: 20,
    maxMs: 40,
    service: { p50Ms: 2, p95Ms: 8, p99Ms: 12, maxMs: 40 },
    sendLagP99Ms: 0.4,
    sendLagMaxMs: 2,
    cpuUsPerRequest: 50,
    valid: true,
    invalidBecause: [],
    series: [{ atMs: 2_000, durationMs: 30_000, requests: 24_000, errors: 3 }],
    ...change,
  };
}
