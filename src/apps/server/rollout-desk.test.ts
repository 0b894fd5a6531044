import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  actionPreviewSchema,
  rolloutResourceSchema,
  rolloutSamplesSchema,
} from '../../api/rollout-wire.ts';
import {
  type Ledger,
  listed,
  readerOf,
  recorded,
} from '../../control/replay/recorded-ledger.fixture.ts';
import { stateAfter } from '../../control/replay/replay.ts';
import {
  awaitedKey,
  firstRollout,
  instancesOf,
  play,
  sampleOf,
  specOf,
} from '../../domain/release/release.fixture.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';
import { HttpProblem } from './http/http-problem.ts';
import { RolloutDesk } from './rollout-desk.ts';
import { thinned } from './views/rollout-samples.ts';

const { signal } = new AbortController();
const none = { requestsPerSecond: null, baseErrorRatio: null, change: null };

function deskOf(state: ServiceState | null, ledger: Ledger = { entries: [], blobs: new Map() }) {
  return new RolloutDesk({
    loop: { service: (name) => (name === state?.name ? state : null), instances: [] },
    recorder: { replay: () => listed(ledger.entries) },
    store: { blob: readerOf(ledger.blobs) },
    clock: { nowMs: () => 60_000 },
    traffic: () => ({ ...none, stableInstances: null, latency: null }),
  });
}

async function wholeDesk(): Promise<RolloutDesk> {
  const ledger = await recorded();
  return deskOf(await stateAfter(ledger.entries, 'web', readerOf(ledger.blobs)), ledger);
}

function status(call: () => unknown): number | null {
  try {
    call();
    return null;
  } catch (error) {
    assert.ok(error instanceof HttpProblem);
    return error.details.status;
  }
}

test('the newest rollout and older ones are resources with conditions, by what the ledger kept', async () => {
  const desk = await wholeDesk();
  const rows = [
    ['web-1', 'promoted', 'Completed'],
    ['web-2', 'promoted', 'Completed'],
    ['web-3', 'rolled-back', null],
  ] as const;
  for (const [id, phase, isTrue] of rows) {
    const resource = rolloutResourceSchema.parse(await desk.resource(id, signal));
    assert.equal(resource.metadata.name, id);
    assert.equal(resource.status.rollout.id, id);
    assert.equal(resource.status.rollout.phase, phase);
    const conditions = Object.fromEntries(
      resource.status.conditions.map(({ type, status }) => [type, status]),
    );
    assert.equal(conditions['Progressing'], 'False');
    assert.equal(conditions['Completed'], isTrue === null ? 'False' : 'True');
    assert.equal(conditions['Healthy'], isTrue === null ? 'False' : 'True');
  }
  const uids = await Promise.all(
    rows.map(async ([id]) => (await desk.resource(id, signal)).metadata.uid),
  );
  assert.equal(new Set(uids).size, 3);
  await assert.rejects(desk.resource('web-4', signal), HttpProblem);
  await assert.rejects(desk.resource('other-1', signal), HttpProblem);
});

test('samples are what each entry says of the gate, and grow to the limit that rolled it back', async () => {
  const desk = await wholeDesk();
  const { points, omitted } = rolloutSamplesSchema.parse(await desk.samples('web-3', 300, signal));
  assert.equal(omitted, 0);
  const last = points.at(-1);
  assert.ok(last);
  assert.equal(last.verdict, 'fail');
  assert.ok(last.against >= last.againstLimit, `${last.against} of ${last.againstLimit}`);
  assert.ok(last.entryIndex !== null, 'it is over, so nothing is but what an entry says');
  const errors = last.metrics.find(({ metric }) => metric === 'errors');
  assert.ok(errors !== undefined && errors.candidate.failures > 0 && errors.limit > 1);
  await assert.rejects(desk.samples('web-4', 300, signal), HttpProblem);
});

test('points are thinned to as many as are wanted, and the ends stay', () => {
  const points = Array.from({ length: 1_001 }, (_, index) => index);
  assert.deepEqual(thinned(points, 3), [0, 500, 1_000]);
  assert.deepEqual(thinned(points, 2), [0, 1_000]);
  assert.equal(thinned(points, 300).length, 300);
  assert.deepEqual(thinned([1, 2], 300), [1, 2]);
});

/** web-2 at its first step of 10 %, judged a little. */
function judging(): ServiceState {
  const begun = play([
    ...firstRollout(),
    { kind: 'tick', atMs: 20_000 },
    { kind: 'apply', atMs: 21_000, spec: specOf(2), by: { who: 'ana', why: null } },
    { kind: 'instances', atMs: 22_000, revisions: [instancesOf(1), instancesOf(2)] },
  ]).state;
  const key = awaitedKey(begun);
  assert.ok(key !== null);
  const counts = [
    { revisionId: specOf(1).revision.id, requests: 90, failures: 0 },
    { revisionId: specOf(2).revision.id, requests: 10, failures: 0 },
  ];
  return play(
    [
      { kind: 'effect-done', atMs: 23_000, key },
      { kind: 'sample', atMs: 23_500, sample: sampleOf(23_500, counts) },
      { kind: 'tick', atMs: 23_600 },
    ],
    begun,
  ).state;
}

test('a preview says what an action would do, with revisions, traffic and settings, and does nothing', async () => {
  const state = judging();
  assert.equal(state.rollout?.phase.kind, 'judging');
  const desk = deskOf(state);
  const [stable, candidate] = [specOf(1).revision.id, specOf(2).revision.id];
  const abort = actionPreviewSchema.parse(desk.preview('web-2', { action: 'abort' }));
  assert.deepEqual([abort.outcome, abort.from?.id, abort.to?.id], ['would-do', candidate, stable]);
  assert.deepEqual(abort.traffic.now, [
    { revisionId: stable, weightPercent: 90 },
    { revisionId: candidate, weightPercent: 10 },
  ]);
  assert.deepEqual(abort.traffic.after, [{ revisionId: stable, weightPercent: 100 }]);
  assert.ok(abort.diff.includes('- revision.env.VERSION: "v2"'), abort.diff.join('\n'));
  assert.ok(abort.diff.includes('+ revision.env.VERSION: "v1"'));
  const full = desk.preview('web-2', { action: 'promote-full' });
  assert.deepEqual(full.traffic.after, [
    { revisionId: stable, weightPercent: 0 },
    { revisionId: candidate, weightPercent: 100 },
  ]);
  const pause = desk.preview('web-2', { action: 'pause' });
  assert.deepEqual([pause.outcome, pause.diff, pause.to], ['would-do', [], null]);
  assert.deepEqual(pause.traffic.after, pause.traffic.now);
  const resume = desk.preview('web-2', { action: 'resume' });
  assert.equal(resume.outcome, 'would-refuse');
  assert.match(resume.sentence, /resume/);
  assert.deepEqual(desk.preview('web-2', { action: 'abort' }), abort);
  assert.equal(
    status(() => desk.preview('web-1', { action: 'abort' })),
    409,
  );
  assert.equal(
    status(() => desk.preview('nobody-1', { action: 'abort' })),
    404,
  );
  const live = await desk.samples('web-2', 300, signal);
  assert.equal(live.points.at(-1)?.entryIndex, null);
});
