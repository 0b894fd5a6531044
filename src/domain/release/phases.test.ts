import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Action, ReleaseEvent } from './event.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  instancesOf,
  plan,
  play,
  revisionOf,
  sampleOf,
  specOf,
  stepOf,
} from './release.fixture.ts';
import { emptyService, type ServiceState } from './service-state.ts';

const candidate = revisionOf(2).id;
const stable = revisionOf(1).id;
const steps = [stepOf(10, { wait: { kind: 'approval' } }), stepOf(50), stepOf(100)];

/** A service in each phase, each reached from the one before. */
const phases = [
  'none',
  'starting',
  'shifting',
  'judging',
  'waiting',
  'baking',
  'reverting',
  'promoted',
  'rolled-back',
  'deleted',
] as const;
const states = statesByPhase();
/** Later than any of the states, and so near that no time limit is reached. */
const nowMs = 20_000;
const atMs = nowMs;

const operate = (action: Action) => () => ({ kind: 'operate', atMs, action, by: ana }) as const;
const good = () => sampleEvent(0);
const bad = () => sampleEvent(40);

/** Event, and the phase after it in the order of `phases`. */
const table: readonly (readonly [string, (state: ServiceState) => ReleaseEvent, string])[] = [
  [
    'another revision is applied',
    () => ({ kind: 'apply', atMs, spec: specOf(3), by: ana }),
    'starting starting shifting judging waiting baking reverting starting starting starting',
  ],
  [
    'the candidate is applied again',
    () => ({ kind: 'apply', atMs, spec: specOf(2, { plan: { ...plan, steps } }), by: ana }),
    'starting starting shifting judging waiting baking reverting promoted rolled-back starting',
  ],
  [
    'promote',
    operate({ kind: 'promote' }),
    'none starting shifting shifting shifting promoted reverting promoted rolled-back deleted',
  ],
  [
    'promote-full',
    operate({ kind: 'promote-full' }),
    'none starting shifting shifting shifting promoted reverting promoted rolled-back deleted',
  ],
  [
    'pause',
    operate({ kind: 'pause' }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'resume',
    operate({ kind: 'resume' }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'abort',
    operate({ kind: 'abort' }),
    'none reverting reverting reverting reverting reverting reverting promoted rolled-back deleted',
  ],
  [
    'retry',
    operate({ kind: 'retry' }),
    'none starting shifting judging waiting baking reverting promoted starting deleted',
  ],
  [
    'undo',
    operate({ kind: 'undo', toRevisionId: null }),
    'none starting shifting judging waiting reverting reverting starting rolled-back deleted',
  ],
  [
    'undo to an unknown revision',
    operate({ kind: 'undo', toRevisionId: 'web-ffffffffff' }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'delete',
    operate({ kind: 'delete' }),
    'none deleted deleted deleted deleted deleted deleted deleted deleted deleted',
  ],
  [
    'approvals of another step',
    () => ({
      kind: 'approvals',
      atMs,
      rolloutId: 'web-2',
      stepIndex: 1,
      standing: { kind: 'met', by: [], untilMs: 1e9 },
    }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'a good sample',
    good,
    'none starting shifting waiting waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'a bad sample',
    bad,
    'none starting shifting reverting reverting reverting reverting promoted rolled-back deleted',
  ],
  [
    'all instances are ready',
    () => ({ kind: 'instances', atMs, revisions: [instancesOf(1), instancesOf(2)] }),
    'none shifting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'all instances are gone',
    () => ({ kind: 'instances', atMs, revisions: [] }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'the candidate crashes again and again',
    () => ({ kind: 'instances', atMs, revisions: [instancesOf(1), instancesOf(2, 0, 3)] }),
    'none reverting reverting reverting reverting reverting reverting promoted rolled-back deleted',
  ],
  [
    'a tick',
    () => ({ kind: 'tick', atMs }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'the order waited for is done',
    (state) => ({ kind: 'effect-done', atMs, key: awaitedKey(state) ?? 'web/1/run' }),
    'none starting judging judging waiting baking rolled-back promoted rolled-back deleted',
  ],
  [
    'an old order is done',
    () => ({ kind: 'effect-done', atMs, key: 'web/2/route' }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'the candidate cannot be started',
    () => failed('ensure-instances', candidate),
    'none reverting reverting reverting reverting reverting reverting promoted rolled-back deleted',
  ],
  [
    'stable cannot be started',
    () => failed('ensure-instances', stable),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'the candidate cannot be stopped',
    () => failed('stop-instances', candidate),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
  [
    'the router refuses',
    () => failed('set-traffic', null),
    'none reverting reverting reverting reverting reverting reverting promoted rolled-back deleted',
  ],
  [
    'the loop is back',
    () => ({ kind: 'recovered', atMs }),
    'none starting shifting judging waiting baking reverting promoted rolled-back deleted',
  ],
];

for (const [name, eventOf, after] of table) {
  test(`in each phase: ${name}`, () => {
    const found = phases.map((phase) => {
      const { state } = play([eventOf(states[phase])], states[phase]);
      return phaseOf(state);
    });
    assert.equal(found.join(' '), after);
  });
}

test('the states of the table are in the phases they are named for', () => {
  assert.deepEqual(
    phases.map((phase) => phaseOf(states[phase])),
    phases,
  );
});

function phaseOf(state: ServiceState): string {
  return state.isDeleted ? 'deleted' : (state.rollout?.phase.kind ?? 'none');
}

function sampleEvent(failures: number, atMs = nowMs): ReleaseEvent {
  const sample = sampleOf(atMs, [
    { revisionId: candidate, requests: 400, failures: failures * 10 },
    { revisionId: stable, requests: 3_600, failures: 0 },
  ]);
  return { kind: 'sample', atMs, sample };
}

function failed(
  effect: Extract<ReleaseEvent, { kind: 'effect-failed' }>['effect'],
  revisionId: string | null,
): ReleaseEvent {
  return { kind: 'effect-failed', atMs, key: 'web/9', effect, revisionId, message: 'it broke' };
}

function statesByPhase(): Readonly<Record<(typeof phases)[number], ServiceState>> {
  const after = (state: ServiceState, ...events: readonly ReleaseEvent[]) =>
    play(events, state).state;
  const done = (state: ServiceState, at: number) =>
    after(state, { kind: 'effect-done', atMs: at, key: awaitedKey(state) ?? '' });
  const by = ana;
  const none = emptyService('web');
  const spec = specOf(2, { plan: { ...plan, bakeMs: 60_000, steps } });
  const atRest = after(none, ...firstRollout());
  const starting = after(atRest, { kind: 'apply', atMs: 10_000, spec, by });
  const ready = [instancesOf(1), instancesOf(2)];
  const shifting = after(starting, { kind: 'instances', atMs: 11_000, revisions: ready });
  const judging = done(shifting, 12_000);
  const waiting = after(judging, sampleEvent(0, 13_500));
  const promote = { kind: 'operate', action: { kind: 'promote-full' }, by } as const;
  const baking = done(after(waiting, { ...promote, atMs: 14_000 }), 15_000);
  const abort = { kind: 'operate', action: { kind: 'abort' }, by } as const;
  const reverting = after(waiting, { ...abort, atMs: 14_000 });
  const promoted = after(baking, { ...promote, atMs: 16_000 });
  const rolledBack = done(reverting, 15_000);
  const remove = { kind: 'operate', action: { kind: 'delete' }, by } as const;
  const deleted = after(promoted, { ...remove, atMs: 17_000 });
  return {
    none,
    starting,
    shifting,
    judging,
    waiting,
    baking,
    reverting,
    promoted,
    'rolled-back': rolledBack,
    deleted,
  };
}

test('a first revision that crashes again and again is not compared with a stable that does not exist', () => {
  const crashed = play([
    { kind: 'apply', atMs: 1_000, spec: specOf(1), by: ana },
    { kind: 'instances', atMs: 2_000, revisions: [instancesOf(1, 0, 3)] },
  ]);
  const phase = crashed.state.rollout?.phase;
  assert.ok(phase?.kind === 'reverting');
  assert.equal(
    phase.cause.sentence,
    'instances of web v1 (1111111111) restarted 3 times since the start: GET /readyz answered 503',
  );
});
