import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Verdict } from '../../../domain/gate/gate.ts';
import { decide } from '../../../domain/release/decide.ts';
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
} from '../../../domain/release/release.fixture.ts';
import type { Phase, Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { serviceView } from './views.ts';

const atMs = 20_000;

/** web-2 at its first step with one sample. */
function judging(): { readonly state: ServiceState; readonly rollout: Rollout; verdict: Verdict } {
  let { state } = play([
    ...firstRollout(),
    { kind: 'apply', atMs: 10_000, spec: specOf(2, { plan }), by: ana },
    { kind: 'instances', atMs: 11_000, revisions: [instancesOf(1), instancesOf(2)] },
  ]);
  ({ state } = decide(state, { kind: 'effect-done', atMs: 12_000, key: awaitedKey(state) ?? '' }));
  const counts = [1, 2].map((number) => ({
    revisionId: revisionOf(number).id,
    requests: 10,
    failures: 0,
  }));
  ({ state } = decide(state, { kind: 'sample', atMs: 13_000, sample: sampleOf(13_000, counts) }));
  const { rollout } = state;
  assert.ok(rollout?.lastVerdict);
  return { state, rollout, verdict: rollout.lastVerdict };
}

test('a rollout that only a person takes on waits for one, and says so', () => {
  const { state, rollout, verdict } = judging();
  const open: Phase = rollout.phase;
  const parked = {
    kind: 'parked',
    sinceMs: 0,
    stepIndex: 0,
    weightPercent: 0,
    effectKey: null,
  } as const;
  const baking = (untilMs: number): Phase => ({ kind: 'baking', sinceMs: 0, untilMs });
  const rows: readonly (readonly [Phase, string | null, boolean, string])[] = [
    [open, null, false, 'Progressing'],
    [open, 'soak', false, 'Progressing'],
    [open, 'time-limit', true, 'Waiting'],
    [{ ...parked, isHeld: false }, 'parked', false, 'Parked'],
    [{ ...parked, isHeld: true }, 'parked', true, 'Waiting'],
    [baking(atMs + 1), 'before-after', false, 'Progressing'],
    [baking(atMs), 'before-after', true, 'Waiting'],
    [baking(atMs), null, false, 'Progressing'],
  ];
  for (const [phase, heldBy, waits, word] of rows) {
    const lastVerdict = { ...verdict, explanation: { ...verdict.explanation, heldBy } };
    const held = { ...state, rollout: { ...rollout, phase, lastVerdict } };
    const view = serviceView(held, [], atMs);
    const said = [view?.status.rollout?.isWaitingForPerson, view?.status.phase];
    assert.deepEqual(said, [waits, word], `${phase.kind} held by ${heldBy}`);
  }
});
