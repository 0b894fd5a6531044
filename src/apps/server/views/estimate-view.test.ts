import assert from 'node:assert/strict';
import { test } from 'node:test';

import { latencyBucket } from '../../../domain/traffic/samples/latency-buckets.ts';
import { decide } from '../../../domain/release/decide.ts';
import type { ReleaseEvent } from '../../../domain/release/event.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  instancesOf,
  plan as shortPlan,
  play,
  sampleOf,
  specOf,
  revisionOf,
  stepOf,
} from '../../../domain/release/release.fixture.ts';
import type { Plan } from '../../../domain/release/revision.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { addToScale, emptyScale } from '../../../domain/gate/latency-scale.ts';
import { estimateView, type KnownTraffic } from './estimate-view.ts';
import { ongoingEstimate } from './ongoing-estimate.ts';
import { RateMeter } from '../rate-meter.ts';

const known: KnownTraffic = {
  requestsPerSecond: 800,
  baseErrorRatio: 0.001,
  change: null,
  stableInstances: 2,
  latency: null,
};

const plan: Plan = {
  ...shortPlan,
  gate: { ...shortPlan.gate, worseByRatio: 0.0025, falsePromotionRatio: 0.01 },
};

function textOf(more: Partial<KnownTraffic>, ofPlan: Partial<Plan> = {}): string {
  const spec = specOf(2, { plan: { ...plan, ...ofPlan } });
  return estimateView(spec, { ...known, ...more }).sentences.join('\n');
}

const spread = addToScale(
  emptyScale,
  Array.from({ length: 200 }, (_, index) => [latencyBucket(20_000 + 800 * index), 5] as const),
  0,
);

/** One request a second shows nothing in time; what then follows is the plan's choice. */
const lateRows = (
  [
    ['hold', /the step at 10 % waits for a person \(gate\.onTimeLimit: hold\)$/m],
    ['extend', /is judged for as long again, 3 times at most, then waits for a person/],
    ['widen', /gives way to the next share below 100 % where hardly anything speaks against/],
    ['roll-back', /^without a verdict after .* the step at 10 % ends the rollout: .* goes back/m],
    ['hold', /^were there no time limit: 100 % after about/m],
  ] as const
).map(([onTimeLimit, says]) => {
  const gate = { ...plan.gate, onTimeLimit };
  return [{ requestsPerSecond: 1 }, { gate }, says] as const;
});

test('before a rollout each thing that can be known is told, and what cannot is said', () => {
  const rows: readonly (readonly [Partial<KnownTraffic>, Partial<Plan>, RegExp])[] = [
    [{}, {}, /^at 800 requests\/s with 0\.1 % failing$/m],
    [
      {},
      {},
      /^about [89],\d00 requests = 1\d\.\d s at 800 requests\/s to show "not worse than \+0\.25 pp"/m,
    ],
    [{}, {}, /fails 5 pp more often than stable: thrown back after about .* at the first step$/m],
    [{}, {}, /a slower candidate: how soon it shows depends on how stable answers/],
    [{ latency: spread }, {}, /^a candidate that is 50 % slower: thrown back after about/m],
    [{ baseErrorRatio: null }, {}, /0\.1 % failing \(assumed\)/],
    [{ requestsPerSecond: null }, {}, /^nothing is known of the traffic of web: say it with --rps/],
    [{ change: { earlier: 800, later: 90 } }, {}, /from 800 to 90 requests\/s: times .* can't be/],
    [{ requestsPerSecond: 1 }, {}, /^1 requests\/s are too few to show .*; raise worseBy/m],
    [{}, { steps: [stepOf(100, { gated: false })] }, /^100 % at once, then/m],
    ...lateRows,
    [
      {},
      { gate: { ...plan.gate, oneVotePer: { client: { kind: 'address' }, windowMs: 10_000 } } },
      /^one vote per client in 10 s: how many clients there are is not known, so times are for/m,
    ],
    [
      {},
      { gate: { ...plan.gate, incidentMs: 5000 } },
      /windows of 5 s, so a fault takes 2 windows/,
    ],
    [
      {},
      { gate: { ...plan.gate, incidentMs: 5000 } },
      /fails 100 %: thrown back after about \d+ s/,
    ],
    [
      { stableInstances: null },
      { gate: { ...plan.gate, incidentMs: 5000 } },
      /the instances are not known/,
    ],
    [
      {},
      { gate: { ...plan.gate, metrics: [{ name: 'carts', kind: 'ratio', weight: 1 }] } },
      /^metric carts: how soon it shows depends on its own events/m,
    ],
    [{}, { steps: [stepOf(100, { gated: false })] }, /no stable beside it.*add objectives$/m],
    [
      {},
      { steps: [stepOf(100, { gated: false })], bakeMs: 0 },
      /^nothing is judged: the plan has no gated step below 100 % and no bake/m,
    ],
    [
      {},
      {
        steps: [stepOf(100, { gated: false })],
        objectives: [{ kind: 'success', name: 'up', ratioMin: 0.999 }],
      },
      /watched is that at most 0\.35 % fail\n.*fails 100 %: thrown back after .* at 100 %$/m,
    ],
  ];
  for (const [more, ofPlan, says] of rows) assert.match(textOf(more, ofPlan), says);
});

/** web-2 at its first step since 3 s, with 100 requests/s for each of `seconds`. */
function underWay(seconds: number, ofPlan: Plan = plan): { rollout: Rollout; atMs: number } {
  const begin: readonly ReleaseEvent[] = [
    ...firstRollout(),
    { kind: 'apply', atMs: 10_000, spec: specOf(2, { plan: ofPlan }), by: ana },
    { kind: 'instances', atMs: 11_000, revisions: [instancesOf(1), instancesOf(2)] },
  ];
  let { state }: { state: ServiceState } = play(begin);
  const key = awaitedKey(state) ?? '';
  ({ state } = decide(state, { kind: 'effect-done', atMs: 12_000, key }));
  let atMs = 12_000;
  for (let second = 0; second < seconds; second += 1) {
    atMs += 1000;
    const counts = [
      { revisionId: revisionOf(1).id, requests: 90, failures: second % 10 === 0 ? 1 : 0 },
      { revisionId: revisionOf(2).id, requests: 10, failures: 0 },
    ];
    ({ state } = decide(state, { kind: 'sample', atMs, sample: sampleOf(atMs, counts) }));
  }
  assert.ok(state.rollout);
  return { rollout: state.rollout, atMs };
}

test('during a rollout the evidence gathered so far counts', () => {
  const hundred = { ...known, requestsPerSecond: 100 };
  const slow: Plan = { ...plan, steps: [stepOf(10), stepOf(100)] };
  const early = underWay(1, slow);
  const late = underWay(200, slow);
  const first = ongoingEstimate(early.rollout, hundred, early.atMs);
  const second = ongoingEstimate(late.rollout, hundred, late.atMs);
  assert.equal(second.rolloutId, 'web-2');
  const [before, after] = [first.steps[0]?.requests ?? 0, second.steps[0]?.requests ?? 0];
  assert.ok(after < before - 10_000, `${before} -> ${after}`);
  const text = second.sentences.join('\n');
  assert.match(text, /^web-2 is at step 1 of 2 \(10 %\), judging$/m);
  assert.match(text, /^at 100 requests\/s with 20 of 18,000 failing at stable$/m);
  assert.match(
    text,
    /^still about [\d,]+ requests = .* to show "not worse than \+0\.25 pp" at 10 %$/m,
  );
  assert.match(text, /^100 % in about .*, then 5 s of bake$/m);
  assert.match(text, /failed requests more at 10 %, were it so from now on$/m);
});

test('during a rollout it refuses to promise what cannot be known', () => {
  const { rollout, atMs } = underWay(1);
  const silent = ongoingEstimate(rollout, { ...known, requestsPerSecond: null }, atMs);
  assert.equal(silent.totalMs, null);
  assert.match(silent.sentences.join('\n'), /without traffic there is no evidence, and no time/);
  const fresh = ongoingEstimate(rollout, { ...known, baseErrorRatio: null }, atMs);
  assert.match(fresh.sentences.join('\n'), /assumed, as stable had 90 requests only/);
  const paused = { ...rollout, paused: { atMs, by: ana } };
  assert.match(ongoingEstimate(paused, known, atMs).sentences[1] ?? '', /^paused by ana: nothing/);
  const approval: Plan = {
    ...plan,
    steps: [stepOf(10, { wait: { kind: 'approval' } }), stepOf(100)],
  };
  const asked = underWay(1, approval);
  const text = ongoingEstimate(asked.rollout, known, asked.atMs).sentences.join('\n');
  assert.match(text, /not counting how long people take \(10 %\)/);
});

test('the meter tells a rate that changed from one that did not', () => {
  const meter = new RateMeter();
  const put = (second: number, requests: number): void =>
    meter.add(sampleOf(second * 1000, [{ revisionId: 'a', requests, failures: 0 }]));
  for (let second = 0; second < 40; second += 1) put(second, 100);
  assert.equal(meter.change('web', 40_000), null);
  for (let second = 40; second < 50; second += 1) put(second, 10);
  assert.deepEqual(meter.change('web', 50_000), { earlier: 100, later: 10 });
  assert.equal(meter.change('other', 50_000), null);
});

test('of a parked candidate it says what its times are for', () => {
  const { rollout, atMs } = underWay(1);
  const phase = {
    kind: 'parked',
    stepIndex: 0,
    sinceMs: atMs,
    weightPercent: 0,
    effectKey: null,
    isHeld: false,
  } as const;
  const text = (isHeld: boolean): string =>
    ongoingEstimate({ ...rollout, phase: { ...phase, isHeld } }, known, atMs).sentences[1] ?? '';
  assert.match(text(false), /^parked, as much of it failed: the step begins anew if its probes go/);
  assert.match(text(true), /^parked too often: nothing goes forward until a person/);
});

test('during a rollout only what is evidence counts as its rate', () => {
  const { rollout, atMs } = underWay(5);
  // 500 requests were evidence.
  const rows = [
    [0, 0, null, 100],
    [
      1500,
      0,
      /^of them only about 25 requests\/s are evidence: 1,500 of 2,000 were retries or/,
      25,
    ],
    [0, 500, /^of them only about 50 requests\/s are evidence: 500 of 1,000 were/, 50],
  ] as const;
  for (const [sameClient, retry, says, rate] of rows) {
    const gate = {
      ...rollout.gate,
      setAside: { 'same-client': sameClient, retry, 'too-many-clients': 0 },
    };
    const hundred = { ...known, requestsPerSecond: 100 };
    const item = ongoingEstimate({ ...rollout, gate }, hundred, atMs);
    assert.equal(item.requestsPerSecond, 100);
    const { requests, verdictMs } = item.steps[0] ?? {};
    assert.equal(Math.round((1000 * (requests ?? 0)) / (verdictMs ?? 1)), rate);
    assert.equal(says?.test(item.sentences[2] ?? '') ?? true, true, item.sentences[2]);
  }
  const { totals } = rollout.gate;
  const none = { requests: 0, failures: 0 };
  const silent = { ...totals, candidate: none, stable: none };
  const setAside = { 'same-client': 9, retry: 0, 'too-many-clients': 0 };
  const gate = { ...rollout.gate, totals: silent, setAside };
  assert.equal(ongoingEstimate({ ...rollout, gate }, known, atMs).totalMs, null);
});
