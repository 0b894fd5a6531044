import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, crashesAfter } from './crash-backoff.ts';
import { FRESH_HEALTH, judgeHealth, type Health, type ProbeRound } from './judge-health.ts';
import { LOCAL_PROCESS_DEFAULTS } from './settings.ts';

const spec = { readyPath: '/readyz', livePath: '/livez', stopGraceMs: 1, startTimeoutMs: 30_000 };
const ok = { kind: 'ok' } as const;
const failed = { kind: 'failed', text: 'GET /readyz answered 503' } as const;

/** One letter a round: r ready, u not ready, d neither ready nor live, l live but not ready. */
function after(rounds: string, ageMs = 1_000): Health {
  const round: Readonly<Record<string, ProbeRound>> = {
    r: { ready: ok, live: ok, ageMs },
    u: { ready: failed, live: null, ageMs },
    d: { ready: failed, live: failed, ageMs },
    l: { ready: failed, live: ok, ageMs },
  };
  return rounds.split('').reduce((health, letter) => {
    const next = round[letter];
    assert.ok(next);
    return judgeHealth(health, next, spec, LOCAL_PROCESS_DEFAULTS);
  }, FRESH_HEALTH);
}

const rows = [
  { name: 'not ready yet is starting', rounds: 'uuu', ageMs: 29_999, state: 'starting', live: 0 },
  {
    name: 'the start timeout makes it unready',
    rounds: 'u',
    ageMs: 30_000,
    state: 'unready',
    live: 0,
  },
  { name: 'a late readiness counts', rounds: 'ur', ageMs: 40_000, state: 'ready', live: 0 },
  {
    name: 'one failure after readiness is forgiven',
    rounds: 'ru',
    ageMs: 1,
    state: 'ready',
    live: 0,
  },
  { name: 'two in a row are not', rounds: 'ruu', ageMs: 1, state: 'unready', live: 0 },
  { name: 'two with a success between are', rounds: 'ruru', ageMs: 1, state: 'ready', live: 0 },
  {
    name: 'failed liveness is counted in a row',
    rounds: 'rddd',
    ageMs: 1,
    state: 'unready',
    live: 3,
  },
  { name: 'one success ends the row', rounds: 'rddl', ageMs: 1, state: 'unready', live: 0 },
];
for (const { name, rounds, ageMs, state, live } of rows) {
  test(`${name} (${rounds} at ${ageMs} ms)`, () => {
    const health = after(rounds, ageMs);
    assert.deepEqual([health.state, health.liveFailures], [state, live]);
  });
}

test('the reason tells the start timeout and the last answer', () => {
  assert.equal(after('u', 30_000).reason, 'not ready after 30 s: GET /readyz answered 503');
  assert.equal(after('u', 29_999).reason, 'GET /readyz answered 503');
  assert.equal(after('ur').reason, null);
});

test('the back-off doubles from 1 s up to 30 s', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 2_000].map((row) => backoffMs(row, LOCAL_PROCESS_DEFAULTS));
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('a life of 60 s ends a row of crashes, a shorter one does not', () => {
  assert.equal(crashesAfter(5, 59_999, LOCAL_PROCESS_DEFAULTS), 6);
  assert.equal(crashesAfter(5, 60_000, LOCAL_PROCESS_DEFAULTS), 1);
});
