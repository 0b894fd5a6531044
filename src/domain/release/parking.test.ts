import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseEvent } from './event.ts';
import { candidateWeightPercent } from './order.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  gate,
  instancesOf,
  plan,
  play,
  revisionOf,
  sampleOf,
  specOf,
  stepOf,
} from './release.fixture.ts';
import type { Decision, ServiceState } from './service-state.ts';

const windowMs = 5_000;
const atMs = 20_000;
const by = ana;
const candidate = revisionOf(2).id;
const stable = revisionOf(1).id;

/** What each event does to a candidate that is parked at 0 %: phase, share and decision after it. */
const table: readonly (readonly [string, ReleaseEvent, string])[] = [
  ['promote', operate('promote'), 'shifting 10 unpark'],
  ['promote-full', operate('promote-full'), 'parked 0 refuse'],
  ['pause', operate('pause'), 'parked 0 pause'],
  ['resume without a pause', operate('resume'), 'parked 0 refuse'],
  ['abort', operate('abort'), 'reverting 0 roll-back'],
  ['delete', operate('delete'), 'rolled-back 0 delete'],
  ['another revision', { kind: 'apply', atMs, spec: specOf(3), by }, 'parked 0 refuse'],
  ['the loop is back', { kind: 'recovered', atMs }, 'parked 0 recover'],
  [
    'a crash loop',
    { kind: 'instances', atMs, revisions: [instancesOf(1), instancesOf(2, 0, 3)] },
    'reverting 0 roll-back',
  ],
  ['none is ready', { kind: 'instances', atMs, revisions: [instancesOf(1)] }, 'parked 0 nothing'],
  [
    'the router refuses',
    {
      kind: 'effect-failed',
      atMs,
      key: 'x',
      effect: 'set-traffic',
      revisionId: null,
      message: 'it broke',
    },
    'reverting 0 roll-back',
  ],
];

for (const [name, event, after] of table) {
  test(`parked: ${name}`, () => {
    const { state, decisions } = play([event], parked());
    const phase = state.rollout?.phase.kind ?? 'none';
    const decision = decisions[0]?.record?.decision ?? 'nothing';
    assert.equal(`${phase} ${candidateWeightPercent(state)} ${decision}`, after);
  });
}

test('the probes get the least share that carries them, and never more than the step has', () => {
  const rows: readonly (readonly [string, number, number])[] = [
    ['800 requests/s: 4 in 5 s are 0.1 %', 800, 0.1],
    ['80 requests/s', 80, 1],
  ];
  for (const [name, perSecond, want] of rows) {
    const { decision, state } = firstProbe(perSecond);
    assert.equal(decision.record?.decision, 'probe', name);
    assert.equal(candidateWeightPercent(state), want, name);
  }
});

test('a pause keeps a parked candidate at 0 though the gate would probe', () => {
  let state = play([operate('pause')], parked()).state;
  for (let ms = 0; ms < 4 * windowMs; ms += 500) {
    state = play([quiet(atMs + ms, 400)], state).state;
    assert.equal(candidateWeightPercent(state), 0);
  }
  assert.equal(state.rollout?.lastVerdict?.explanation.advice?.kind, 'probe');
});

test('nothing is compared across the change to weight 0', () => {
  const before = judging();
  const { state } = play([bad(atMs - 300), bad(atMs - 200)], before);
  assert.equal(state.rollout?.phase.kind, 'parked');
  // What ends between the order and its confirmation is in the totals and in no evidence.
  const gateBefore = state.rollout?.gate;
  const later = play([bad(atMs - 100)], state).state;
  assert.equal(later.rollout?.gate, gateBefore);
  assert.ok((later.rollout?.totals.candidate.requests ?? 0) > 0);
});

function firstProbe(perSecond: number): { decision: Decision; state: ServiceState } {
  let state = judging();
  const quarter = perSecond / 4;
  for (let ms = 0; ms < 60_000; ms += 250) {
    // Dead from the 10th second on.
    const isBad = ms >= 10_000 && state.rollout?.phase.kind === 'judging';
    const isSplit = state.rollout?.phase.kind === 'judging';
    const event = isSplit
      ? sample(10_000 + ms, quarter / 10, isBad ? quarter / 10 : 0, quarter * 0.9)
      : quiet(10_000 + ms, quarter);
    const { state: next, decisions } = play([event], state);
    state = next;
    const decision = decisions[0];
    if (decision?.record?.decision === 'probe') return { decision, state };
    if (decision?.record?.decision === 'park') state = done(state, 10_000 + ms);
  }
  return assert.fail('no probe');
}

function parked(): ServiceState {
  const { state } = play([bad(atMs - 300), bad(atMs - 200)], judging());
  assert.equal(state.rollout?.phase.kind, 'parked');
  return done(state, atMs - 100);
}

function judging(): ServiceState {
  const steps = [stepOf(10), stepOf(50), stepOf(100)];
  const settings = { ...gate, soakMs: 600_000, incidentMs: windowMs };
  const spec = specOf(2, { plan: { ...plan, steps, gate: settings } });
  const { state } = play([
    ...firstRollout(),
    { kind: 'apply', atMs: 8_000, spec, by },
    { kind: 'instances', atMs: 9_000, revisions: [instancesOf(1), instancesOf(2)] },
  ]);
  return done(state, 9_500);
}

function done(state: ServiceState, at: number): ServiceState {
  return play([{ kind: 'effect-done', atMs: at, key: awaitedKey(state) ?? '' }], state).state;
}

function operate(
  kind: 'promote' | 'promote-full' | 'pause' | 'resume' | 'abort' | 'delete',
): ReleaseEvent {
  return { kind: 'operate', atMs, action: { kind }, by };
}

function bad(at: number): ReleaseEvent {
  return sample(at, 20, 20, 180);
}

function quiet(at: number, requests: number): ReleaseEvent {
  return sample(at, 0, 0, requests);
}

/** Two instances of the candidate, each with half of it, and 20 of stable. */
function sample(
  at: number,
  requests: number,
  failures: number,
  stableRequests: number,
): ReleaseEvent {
  const half = { requests: Math.round(requests / 2), failures: Math.round(failures / 2) };
  const part = { revisionId: stable, requests: Math.round(stableRequests / 20), failures: 0 };
  const whole = sampleOf(at, [
    { revisionId: candidate, ...half },
    { revisionId: candidate, ...half },
    ...Array.from({ length: 20 }, () => part),
  ]);
  const counts = whole.counts.map((each, index) => {
    return { ...each, instanceId: `${each.revisionId}-${index + 1}` };
  });
  return { kind: 'sample', atMs: at, sample: { ...whole, counts } };
}
