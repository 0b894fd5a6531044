import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyPath, type RequestMatch } from '../traffic/routing/request-match.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  instancesOf,
  plan,
  play,
  specOf,
  stepOf,
} from './release.fixture.ts';

const get: RequestMatch = {
  path: everyPath,
  method: 'GET',
  headers: [],
  queryParams: [],
  cookies: [],
};
const rules = [{ name: 'slow', matches: [], timeouts: { requestMs: 60_000 } }];
const sticky = { kind: 'cookie', name: 'sid' } as const;
const routed = { ...specOf(2), rules, sticky };

/** Version 2 over version 1, until it has its first step. */
function begun(spec: typeof routed) {
  const first = play(firstRollout()).state;
  return play(
    [
      { kind: 'apply', atMs: 10_000, spec, by: ana },
      { kind: 'instances', atMs: 11_000, revisions: [instancesOf(1), instancesOf(2)] },
    ],
    first,
  ).state;
}

test('a split has its rules, its matches, and cohorts of its own rollout', () => {
  const steps = [stepOf(10, { matches: [get] }), stepOf(100)];
  const { traffic, rollout } = begun({ ...routed, plan: { ...plan, steps } });
  assert.deepEqual(traffic?.rules, rules);
  assert.deepEqual(traffic?.matches, [get]);
  assert.equal(traffic?.matchRevisionId, specOf(2).revision.id);
  assert.equal(rollout?.id, 'web-2');
  assert.deepEqual(traffic?.sticky, { key: sticky, seed: 'web-2' });
});

test('after an abort the rules are there, and no match and no cohort', () => {
  const state = begun(routed);
  const { traffic } = play(
    [{ kind: 'operate', atMs: 12_000, action: { kind: 'abort' }, by: ana }],
    state,
  ).state;
  assert.ok(awaitedKey(state) !== null);
  assert.deepEqual(traffic?.rules, rules);
  assert.ok(traffic !== null && !('sticky' in traffic) && !('matches' in traffic));
  assert.deepEqual(
    traffic.shares.map(({ weightPercent }) => weightPercent),
    [100],
  );
});

test('what a file does not say is in no traffic', () => {
  const { traffic } = begun({ ...specOf(2) } as typeof routed);
  assert.ok(traffic !== null);
  for (const key of ['rules', 'sticky', 'matches']) assert.ok(!(key in traffic), key);
});
