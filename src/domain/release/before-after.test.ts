import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openWindow } from '../gate/before-after.ts';
import type { GateSettings } from './revision.ts';
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
import { decide } from './decide.ts';
import type { ServiceState } from './service-state.ts';

/** All at once, from a stable that had 20,000 good requests before, to a candidate that fails 3 % (99 % are not promised). */
function baked(mode: GateSettings['beforeAfter'], failures: number): ServiceState {
  const settings = {
    ...gate,
    worseByRatio: 0.0025,
    ...(mode === undefined ? {} : { beforeAfter: mode }),
  };
  const objectives = [{ kind: 'success', name: 'most', ratioMin: 0.8 }] as const;
  const atOnce = { ...plan, steps: [stepOf(100, { gated: false })], gate: settings, objectives };
  const before = {
    ...openWindow(0),
    untilMs: 9_000,
    count: { requests: 20_000, failures: 20 },
  };
  let { state } = play([
    ...firstRollout(),
    { kind: 'apply', atMs: 10_000, spec: specOf(2, { plan: atOnce }), by: ana, before },
    { kind: 'instances', atMs: 11_000, revisions: [instancesOf(1), instancesOf(2)] },
  ]);
  const key = awaitedKey(state) ?? '';
  ({ state } = decide(state, { kind: 'effect-done', atMs: 12_000, key }));
  for (let atMs = 12_100; atMs <= 18_000; atMs += 100) {
    const counts = [{ revisionId: revisionOf(2).id, requests: 100, failures }];
    ({ state } = decide(state, { kind: 'sample', atMs, sample: sampleOf(atMs, counts) }));
  }
  return state;
}

test('a bake that looks worse than before is told, held, or taken back, as the file says', () => {
  const rows: readonly (readonly [GateSettings['beforeAfter'], number, string, RegExp])[] = [
    [undefined, 3, 'promoted', /weaker|change of the world/],
    ['warn', 3, 'promoted', /warning: 3\.00 % of [\d,]+ failed after the switch, stable's 0\.10 %/],
    ['off', 3, 'promoted', /^(?!.*switch).*$/],
    ['hold', 3, 'baking', /compared with stable before the switch, not beside it/],
    ['roll-back', 3, 'reverting', /compared with stable before the switch, not beside it/],
    ['hold', 0, 'promoted', /^(?!.*switch).*$/],
    ['roll-back', 0, 'promoted', /^(?!.*switch).*$/],
  ];
  for (const [mode, failures, phase, says] of rows) {
    const { rollout } = baked(mode, failures);
    assert.equal(rollout?.phase.kind, phase, `${mode} with ${failures}`);
    assert.match(rollout.lastVerdict?.explanation.sentence ?? '', says);
  }
});

test('a held bake ends by a person', () => {
  const held = baked('hold', 3);
  const action = { kind: 'promote' } as const;
  const { state } = decide(held, { kind: 'operate', atMs: 19_000, action, by: ana });
  assert.equal(state.rollout?.phase.kind, 'promoted');
});
