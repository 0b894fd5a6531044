import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { decide } from './decide.ts';
import { rolledOf } from './strategies/rolling.fixture.ts';
import { blueGreenOf, reportOf } from './strategies/standby.fixture.ts';
import type { Traffic } from './effect.ts';
import type { Action, ReleaseEvent } from './event.ts';
import { splitTraffic } from './order.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  gate,
  play,
  revisionOf,
  sampleOf,
  specOf,
  stepOf,
} from './release.fixture.ts';
import type { Plan } from './revision.ts';
import { describeService } from './wording/sentence.ts';
import {
  activeRollout,
  type Decision,
  emptyService,
  isFinal,
  rolloutHistoryMax,
  type ServiceState,
  stableHistoryMax,
} from './service-state.ts';

/** What happens next, drawn without knowing the state; `eventOf` makes it an event that fits, or that doesn't. */
interface Draw {
  readonly kind: string;
  readonly number: number;
  readonly afterMs: number;
  readonly ready: number;
  readonly restarts: number;
  readonly requests: number;
  readonly failures: number;
  readonly plan: number;
  readonly isCatchUp: boolean;
}

const wait = { kind: 'approval' } as const;
const plans: readonly Plan[] = [
  { steps: [stepOf(10), stepOf(50), stepOf(100)], gate, bakeMs: 5_000, objectives: [] },
  { steps: [stepOf(1, { wait }), stepOf(100)], gate, bakeMs: 0, objectives: [] },
  {
    steps: [
      stepOf(0, { gated: false, match: { name: 'x-canary', value: 'yes' } }),
      stepOf(33.3, { wait: { kind: 'pause', durationMs: -5 }, atLeastMs: -1 }),
      stepOf(100),
    ],
    gate: { ...gate, soakMs: 0 },
    bakeMs: 1_000,
    objectives: [{ kind: 'success', name: 'answers', ratioMin: 0.99 }],
  },
  { steps: [stepOf(100, { gated: false })], gate, bakeMs: 0, objectives: [] },
  ...(['hold', 'extend', 'widen', 'roll-back'] as const).map((onTimeLimit) => ({
    steps: [stepOf(10), stepOf(50), stepOf(100)],
    gate: {
      ...gate,
      atMostMs: onTimeLimit === 'widen' ? 1_000 : 20_000,
      incidentMs: onTimeLimit === 'extend' ? 0 : 500,
      replaceWithinMs: 8_000,
      onTimeLimit,
    },
    bakeMs: 5_000,
    objectives: [],
  })),
  {
    steps: [stepOf(0, { gated: false }), stepOf(100)],
    gate,
    bakeMs: 5_000,
    objectives: [{ kind: 'success', name: 'answers', ratioMin: 0.99 }],
    strategy: blueGreenOf('1'),
  },
  ...(['rolling', 'recreate'] as const).map((kind) => ({
    steps: [stepOf(100)],
    gate,
    bakeMs: 5_000,
    objectives: [],
    strategy: rolledOf(kind, kind === 'rolling' ? '1,0' : '20s'),
  })),
];

/** Steps forward are drawn often, so that sequences get somewhere. */
const often = ['apply', 'ready', 'done', 'done', 'sample', 'sample', 'bad-instance', 'bad-sample'];
const seldom =
  'promote promote-full pause resume abort retry undo undo-to delete instances tick old-done bad-done failed-run failed-stop failed-route failed-replace replaced recovered strange-sample bad-sample bad-sample promote retry abort abort abort impossible checked checked checked checked checked-bad checked-not';
const kinds = [...Array.from({ length: 8 }, () => often).flat(), ...seldom.split(' ')];

const draw: fc.Arbitrary<Draw> = fc.record({
  kind: fc.constantFrom(...kinds),
  number: fc.integer({ min: 1, max: 4 }),
  afterMs: fc.constantFrom(0, 1, 100, 1_000, 6_000, 30_000),
  ready: fc.integer({ min: 0, max: 2 }),
  restarts: fc.integer({ min: 0, max: 4 }),
  requests: fc.integer({ min: 0, max: 500 }),
  failures: fc.integer({ min: 0, max: 3 }),
  plan: fc.nat(plans.length - 1),
  isCatchUp: fc.boolean(),
});

/** A canary under way by one of the newer plans, and then trouble in small steps: what the gate gives advice about. */
const troubles =
  'bad-sample bad-sample bad-sample bad-instance bad-instance sample sample sample done done done tick ready replaced pause resume promote recovered impossible failed-replace';
const trouble: fc.Arbitrary<readonly Draw[]> = fc
  .tuple(
    fc.integer({ min: 4, max: plans.length - 1 }),
    fc.array(
      fc.record({
        kind: fc.constantFrom(...troubles.split(' ')),
        number: fc.integer({ min: 1, max: 4 }),
        afterMs: fc.constantFrom(10, 100, 200, 600, 9_000),
        ready: fc.constant(2),
        restarts: fc.constant(0),
        requests: fc.integer({ min: 2, max: 20 }),
        failures: fc.constant(0),
        plan: fc.constant(4),
        isCatchUp: fc.constant(false),
      }),
      { minLength: 20, maxLength: 90, size: 'max' },
    ),
  )
  .map(([plan, later]) => [...underWay(plan), ...later]);

function underWay(plan: number): readonly Draw[] {
  const usual = { ready: 2, restarts: 0, requests: 9, failures: 0, isCatchUp: false };
  return ['apply', 'ready', 'done', 'apply', 'ready', 'done'].map((kind, index) => ({
    ...usual,
    kind,
    number: index < 3 ? 1 : 2,
    afterMs: 100,
    plan,
  }));
}

const sequences: fc.Arbitrary<readonly Draw[]> = fc.oneof(
  fc.array(draw, { minLength: 1, maxLength: 80, size: 'max' }),
  trouble,
);

function actionOf(draw: Draw): Action | null {
  switch (draw.kind) {
    case 'promote':
    case 'promote-full':
    case 'pause':
    case 'resume':
    case 'abort':
    case 'retry':
    case 'delete':
      return { kind: draw.kind };
    case 'undo':
      return { kind: 'undo', toRevisionId: null };
    case 'undo-to':
      return { kind: 'undo', toRevisionId: revisionOf(draw.number).id };
    default:
      return null;
  }
}

function eventOf(draw: Draw, state: ServiceState, atMs: number): ReleaseEvent {
  const action = actionOf(draw);
  if (action !== null) return { kind: 'operate', atMs, action, by: ana };
  const revisionId = revisionOf(draw.number).id;
  const failed = { kind: 'effect-failed', atMs, key: 'web/1/run', message: 'it broke' } as const;
  switch (draw.kind) {
    case 'apply': {
      const plan = plans[draw.plan];
      return { kind: 'apply', atMs, spec: specOf(draw.number, plan && { plan }), by: ana };
    }
    case 'ready':
    case 'instances':
      return instancesEvent(draw, atMs);
    case 'done':
      return { kind: 'effect-done', atMs, key: awaitedKey(state) ?? 'none' };
    case 'old-done':
      return { kind: 'effect-done', atMs, key: `web/${state.recordCount - draw.number}/route` };
    case 'bad-done':
      return { kind: 'effect-done', atMs, key: '' };
    case 'failed-run':
      return { ...failed, effect: 'ensure-instances', revisionId };
    case 'failed-stop':
      return { ...failed, effect: 'stop-instances', revisionId };
    case 'failed-route':
      return { ...failed, effect: 'set-traffic', revisionId: null };
    case 'failed-replace':
      return { ...failed, effect: 'replace-instance', revisionId };
    case 'replaced':
      return { kind: 'effect-done', atMs, key: state.rollout?.replacement?.effectKey ?? 'none' };
    case 'impossible':
    case 'bad-instance':
    case 'sample':
    case 'bad-sample':
      return sampleEvent(draw, state, atMs);
    case 'strange-sample': {
      const sample = sampleOf(atMs, [{ revisionId: 'shop-0', requests: 9, failures: 9 }]);
      return { kind: 'sample', atMs, sample };
    }
    case 'checked':
    case 'checked-bad':
    case 'checked-not':
      return checkedEvent(draw.kind, state, atMs);
    case 'recovered':
      return { kind: 'recovered', atMs };
    default:
      return { kind: 'tick', atMs };
  }
}

function checkedEvent(kind: string, { rollout }: ServiceState, atMs: number): ReleaseEvent {
  const key = rollout?.standby?.phase === 'checking' ? rollout.standby.effectKey : 'none';
  const words = kind === 'checked' ? 'pass' : kind === 'checked-bad' ? 'answers 500' : 'not-made';
  return { kind: 'standby-checked', atMs, key, report: reportOf(words.split(' ')) };
}

function instancesEvent(draw: Draw, atMs: number): ReleaseEvent {
  const isReady = draw.kind === 'ready';
  const revisions = [1, 2, 3, 4].map((number) => {
    const isDrawn = number === draw.number && !isReady;
    const ready = isDrawn ? draw.ready : 2;
    const restarts = isDrawn ? draw.restarts : 0;
    return { revisionId: revisionOf(number).id, ready, total: 2, restarts, reason: null };
  });
  return { kind: 'instances', atMs, revisions };
}

function sampleEvent(draw: Draw, state: ServiceState, atMs: number): ReleaseEvent {
  const { requests } = draw;
  if (draw.kind === 'bad-instance') return oneBadSample(draw, state, atMs);
  const isBad = draw.kind === 'bad-sample';
  const failures = isBad ? requests : Math.min(requests, draw.failures);
  const stable = state.rollout?.stable?.id ?? 'web-0';
  const share = candidateShare(state.traffic, state.rollout?.candidate.id);
  // As the router splits: a share that isn't the weight's would hold every step.
  const rest = share > 0 && share < 100 ? Math.round((requests * (100 - share)) / share) : 500;
  const counts = [
    // No status class has a negative count, so it takes a fraction to make one that can't be.
    { revisionId: state.rollout?.candidate.id ?? 'web-0', requests, failures },
    { revisionId: stable, requests: draw.kind === 'impossible' ? 0.5 : rest, failures: 0 },
  ];
  return { kind: 'sample', atMs, sample: sampleOf(atMs, counts, draw.isCatchUp) };
}

/** One of the candidate's two instances fails all it gets; which one, is drawn. */
function oneBadSample(draw: Draw, state: ServiceState, atMs: number): ReleaseEvent {
  const share = candidateShare(state.traffic, state.rollout?.candidate.id);
  const requests = Math.round((draw.requests * share) / 50);
  const revisionId = state.rollout?.candidate.id ?? 'web-0';
  const bad = `${revisionId}-${draw.number === 4 ? 2 : 1}`;
  const { counts, ...sample } = sampleOf(atMs, [
    { revisionId, requests, failures: requests },
    { revisionId, requests, failures: 0 },
    { revisionId: state.rollout?.stable?.id ?? 'web-0', requests: 20 * draw.requests, failures: 0 },
  ]);
  const named = counts.map((each, index) => {
    if (index === 0) return { ...each, instanceId: bad };
    return index === 1 ? { ...each, instanceId: `${revisionId}-9` } : each;
  });
  return { kind: 'sample', atMs, sample: { ...sample, counts: named } };
}

interface Turn {
  readonly before: ServiceState;
  readonly event: ReleaseEvent;
  readonly decision: Decision;
}

function run(draws: readonly Draw[]): readonly Turn[] {
  let state = emptyService('web');
  let atMs = 0;
  return draws.map((each) => {
    atMs += each.afterMs;
    const event = eventOf(each, state, atMs);
    const turn = { before: state, event, decision: decide(state, event) };
    ({ state } = turn.decision);
    return turn;
  });
}

function holds(name: string, check: (turns: readonly Turn[]) => void): void {
  test(name, () => {
    fc.assert(
      fc.property(sequences, (each) => check(run(each))),
      { seed: 20_26, numRuns: 60 },
    );
  });
}

function candidateShare(traffic: Traffic | null, revisionId: string | undefined): number {
  return traffic?.shares.find((share) => share.revisionId === revisionId)?.weightPercent ?? 0;
}

holds('R1: every event in every phase gives a decision, and every state a sentence', (turns) => {
  for (const { before, event, decision } of turns) {
    const { state, record, effects } = decision;
    assert.equal(state.recordCount, before.recordCount + (record === null ? 0 : 1));
    if (record === null) assert.deepEqual(effects, []);
    else {
      assert.equal(record.atMs, event.atMs);
      assert.doesNotMatch(record.sentence, /undefined|null|NaN|Infinity|\[object|\.$/);
    }
    assert.doesNotMatch(describeService(state, event.atMs), /undefined|null|NaN|Infinity|\.$/);
    assert.ok(state.history.length <= rolloutHistoryMax);
    assert.ok(state.stables.length <= stableHistoryMax);
  }
});

holds('R2: weights sum to 100, or there is no route', (turns) => {
  for (const { decision } of turns) {
    for (const effect of decision.effects) {
      if (effect.kind !== 'set-traffic') continue;
      const { shares } = effect.traffic;
      const sum = shares.reduce((sum, share) => sum + share.weightPercent, 0);
      assert.ok(shares.length === 0 || sum === 100, `${sum}`);
      assert.ok(shares.every((share) => share.weightPercent >= 0));
      assert.deepEqual(decision.state.traffic, effect.traffic);
    }
  }
});

holds(
  'B1, B2: a standby has no user before its checks have passed and all its instances are ready',
  (turns) => {
    for (const { before, decision } of turns) {
      const { rollout } = before;
      const share = candidateShare(decision.state.traffic, rollout?.candidate.id);
      if (rollout?.kind !== 'blue-green' || share === 0 || rollout.phase.kind !== 'judging')
        continue;
      assert.equal(share, 100);
      assert.equal(rollout.standby?.phase, 'passed');
      const seen = decision.state.instances.find(
        (each) => each.revisionId === rollout.candidate.id,
      );
      assert.equal(seen?.ready, rollout.candidate.instances);
    }
  },
);

holds('R3: a rollout begins only when none is under way, and ends once', (turns) => {
  for (const { before, decision } of turns) {
    const { state } = decision;
    const [was, is] = [before.rollout, state.rollout];
    if (is !== null && was?.id !== is.id) {
      assert.equal(activeRollout(before), null);
      assert.match(is.phase.kind, /^(starting|rolling)$/);
      assert.equal(is.id, `web-${before.rolloutCount + 1}`);
    }
    if (was?.id === is?.id && was !== null && isFinal(was.phase)) {
      assert.deepEqual(is?.phase, was.phase);
    }
    const ended = state.rolloutCount - (activeRollout(state) === null ? 0 : 1);
    assert.equal(state.history.length, Math.min(ended, rolloutHistoryMax));
  }
});

holds('R4: after a failed gate no higher weight, in a pause none by itself', (turns) => {
  let failedId: string | undefined;
  for (const { before, event, decision } of turns) {
    const { state, record } = decision;
    const { rollout } = state;
    if (rollout === null) continue;
    const was = candidateShare(before.traffic, rollout.candidate.id);
    const is = candidateShare(state.traffic, rollout.candidate.id);
    if (record?.verdict?.kind === 'fail') {
      failedId = rollout.id;
      assert.equal(record.decision, 'roll-back');
    }
    const isSame = before.rollout?.id === rollout.id;
    if (rollout.id === failedId) assert.ok(is <= was || !isSame);
    if (isSame && before.rollout?.paused && event.kind !== 'operate') {
      assert.ok(is <= was);
      assert.notEqual(rollout.phase.kind, 'promoted');
    }
    if (isSame && is > was) {
      assert.match(record?.decision ?? '', /^(advance|widen|probe|unpark|roll)$/);
      const { phase } = rollout;
      const stepIndex = 'stepIndex' in phase ? phase.stepIndex : rollout.plan.steps.length - 1;
      assert.ok(is <= (rollout.plan.steps[stepIndex]?.weightPercent ?? 0), `${is}`);
      assert.notEqual(record?.verdict?.kind, 'fail');
    }
  }
});

holds('R5: going back leaves no traffic and no header match on the candidate', (turns) => {
  for (const { decision } of turns) {
    const { rollout, traffic } = decision.state;
    const phase = rollout?.phase.kind;
    if (phase !== 'reverting' && phase !== 'rolled-back') continue;
    assert.equal(candidateShare(traffic, rollout?.candidate.id), 0);
    assert.equal(traffic?.matchRevisionId ?? null, null);
  }
});

holds('R6: what is stopped has no traffic, and a revert waits for the router', (turns) => {
  for (const { before, event, decision } of turns) {
    for (const effect of decision.effects) {
      if (effect.kind !== 'stop-instances') continue;
      assert.equal(candidateShare(decision.state.traffic, effect.revision.id), 0);
    }
    const was = before.rollout?.phase;
    if (was?.kind !== 'reverting' || decision.state.rollout?.phase.kind === 'reverting') continue;
    const isDeleted = decision.state.isDeleted;
    assert.ok(isDeleted || (event.kind === 'effect-done' && event.key === was.effectKey));
  }
});

holds(
  'R7: the state is plain JSON, and the same state and event give the same decision',
  (turns) => {
    for (const { before, event, decision } of turns) {
      const kept = JSON.parse(JSON.stringify(before)) as ServiceState;
      assert.deepEqual(kept, before);
      assert.equal(JSON.stringify(decide(kept, event)), JSON.stringify(decision));
    }
  },
);

test('the drawn sequences reach every phase and every decision', () => {
  const [phases, decisions] = [new Set<string>(), new Set<string>()];
  for (const each of fc.sample(sequences, { seed: 20_26, numRuns: 1_000 })) {
    for (const { decision } of run(each)) {
      phases.add(decision.state.rollout?.phase.kind ?? 'none');
      if (decision.record !== null) decisions.add(decision.record.decision);
    }
  }
  assert.equal(phases.size, 11);
  const wanted =
    'advance alert alert-over bake check delete extend hold park pause probe progress promoted recover refuse replace resume roll roll-back rolled-back start unchanged unpark update wait widen';
  assert.equal([...decisions].toSorted().join(' '), wanted);
});

test('the weights of every multiple of 0.1 % sum to exactly 100', () => {
  const { state } = play([
    ...firstRollout(),
    { kind: 'apply', atMs: 9_000, spec: specOf(2), by: ana },
  ]);
  const { rollout } = state;
  assert.ok(rollout);
  for (let tenths = 0; tenths <= 1_000; tenths++) {
    const weightPercent = tenths / 10;
    const traffic = splitTraffic(state, rollout, { weightPercent, match: null });
    const [first, second] = traffic?.shares ?? [];
    assert.equal(second?.weightPercent, weightPercent);
    assert.equal((first?.weightPercent ?? 0) + weightPercent, 100, `${weightPercent}`);
    assert.equal(first?.weightPercent, (1_000 - tenths) / 10);
  }
});

test('a retry goes by the steps of the plan, and an undo by one', () => {
  const by = ana;
  const events: ReleaseEvent[] = [
    ...firstRollout(),
    { kind: 'apply', atMs: 4_000, spec: specOf(2), by },
    { kind: 'operate', atMs: 5_000, action: { kind: 'abort' }, by },
    { kind: 'effect-done', atMs: 6_000, key: 'web/5/route' },
    { kind: 'operate', atMs: 7_000, action: { kind: 'retry' }, by },
  ];
  const { rollout } = play(events).state;
  assert.equal(rollout?.kind, 'canary');
  assert.deepEqual(
    rollout?.plan.steps.map((step) => step.weightPercent),
    [10, 50, 100],
  );
});
