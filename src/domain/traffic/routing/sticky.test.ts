import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { StickyChoice, type StickyKey } from './sticky.ts';

const seed = 20261121;
const byUser: StickyKey = { kind: 'header', name: 'x-user' };

/** Stable and candidate. */
function choiceAt(candidatePermille: number, rollout = 'web-1'): StickyChoice {
  return new StickyChoice({ key: byUser, seed: rollout }, [
    1000 - candidatePermille,
    candidatePermille,
  ]);
}

test('a key moves to the candidate once while its weight rises, and away once while it falls', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 60 }), weights, (key, permilles) => {
      const rising = permilles.toSorted((a, b) => a - b).map((each) => choiceAt(each).indexOf(key));
      assert.deepEqual(
        rising,
        rising.toSorted((a, b) => a - b),
      );
    }),
    { seed, numRuns: 500 },
  );
});

test('of 100,000 keys the candidate has its share, within five standard deviations', () => {
  const keys = 100_000;
  for (const permille of [1, 10, 50, 250, 500, 900, 999]) {
    const choice = choiceAt(permille);
    let chosen = 0;
    for (let user = 0; user < keys; user += 1) chosen += choice.indexOf(`user-${user}`);
    const ratio = permille / 1000;
    const deviation = Math.sqrt(keys * ratio * (1 - ratio));
    assert.ok(Math.abs(chosen - keys * ratio) <= 5 * deviation, `${chosen} at ${permille}/1000`);
  }
});

test('0 has nobody and 1,000 everybody', () => {
  fc.assert(
    fc.property(fc.string(), (key) => {
      assert.equal(choiceAt(0).indexOf(key), 0);
      assert.equal(choiceAt(1000).indexOf(key), 1);
    }),
    { seed, numRuns: 500 },
  );
});

test('another rollout has another cohort, and the two are independent', () => {
  const [one, other] = [choiceAt(500, 'web-1'), choiceAt(500, 'web-2')];
  let same = 0;
  for (let user = 0; user < 10_000; user += 1) {
    if (one.indexOf(`user-${user}`) === other.indexOf(`user-${user}`)) same += 1;
  }
  assert.ok(Math.abs(same - 5000) < 250, `${same} of 10,000 are in the same arm of both`);
});

test('the last of several backends takes keys from the others only', () => {
  const before = new StickyChoice({ key: byUser, seed: 's' }, [500, 300, 200]);
  const after = new StickyChoice({ key: byUser, seed: 's' }, [400, 300, 300]);
  const counts = [0, 0, 0];
  for (let user = 0; user < 10_000; user += 1) {
    const index = after.indexOf(`u${user}`);
    counts[index] = (counts[index] ?? 0) + 1;
    if (before.indexOf(`u${user}`) === 2) assert.equal(index, 2);
  }
  for (const [index, want] of [4000, 3000, 3000].entries()) {
    assert.ok(Math.abs((counts[index] ?? 0) - want) < 250, counts.join());
  }
});

for (const [name, key, headers, address, want] of [
  ['a header', byUser, { 'x-user': 'ana' }, '::1', 'ana'],
  ['a header in a list', byUser, { 'x-user': ['ana', 'bo'] }, '::1', 'ana,bo'],
  ['no such header', byUser, {}, '::1', null],
  ['an empty header', byUser, { 'x-user': '' }, '::1', null],
  ['a cookie', { kind: 'cookie', name: 'sid' }, { cookie: 'a=1; sid=7' }, '::1', '7'],
  ['no such cookie', { kind: 'cookie', name: 'sid' }, { cookie: 'a=1' }, '::1', null],
  ['an address', { kind: 'address' }, {}, '10.0.0.7', '10.0.0.7'],
  ['an address that is gone', { kind: 'address' }, {}, undefined, null],
] as const) {
  test(`the key by ${name} is ${want}`, () => {
    const choice = new StickyChoice({ key, seed: 's' }, [500, 500]);
    const found = choice.index({ headers }, address);
    assert.equal(found, want === null ? -1 : choice.indexOf(want));
  });
}
