import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { FaultRule } from './fault-rule.ts';
import { type FaultedRequest, FaultTurns, type Injection } from './fault-turns.ts';
import { everyPath, type RequestMatch } from '../routing/request-match.ts';

const rule: FaultRule = {
  id: 'f1',
  untilMs: 0,
  matches: [],
  abort: { percent: 100, with: 503 },
};
const asked: FaultedRequest = {
  path: '/',
  request: { method: 'GET', headers: {} },
  ruleName: null,
  revisionId: 'r1',
  instanceId: 'r1-0',
};
const byHeader: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [{ name: 'x-drill', value: 'yes' }],
  queryParams: [],
  cookies: [],
};

function turnsOf(...rules: readonly FaultRule[]): FaultTurns {
  return new FaultTurns(rules, () => 1000, 0.5, null);
}

/** What happens to a request: `503`, `reset`, `200 ms`, `apart`, or nothing. */
function told(injection: Injection | null): string {
  if (injection === null) return 'nothing';
  if (injection.fault === null) return 'apart';
  return String(injection.abort ?? `${injection.delayMs} ms`);
}

for (const [name, change, request, want] of [
  ['everything', {}, {}, '503'],
  ['a revision, and it is that', { revisionId: 'r1' }, {}, '503'],
  ['a revision, and it is another', { revisionId: 'r2' }, {}, 'apart'],
  ['an instance, and it is that', { instanceId: 'r1-0' }, {}, '503'],
  ['an instance, and it is another', { instanceId: 'r1-1' }, {}, 'apart'],
  ['a rule, and it has the request', { ruleName: 'pay' }, { ruleName: 'pay' }, '503'],
  ['a rule, and another has the request', { ruleName: 'pay' }, { ruleName: 'other' }, 'nothing'],
  ['a rule, and none has the request', { ruleName: 'pay' }, {}, 'nothing'],
  ['a header, and it is not there', { matches: [byHeader] }, {}, 'nothing'],
  [
    'a header, and it is there',
    { matches: [byHeader] },
    { request: { method: 'GET', headers: { 'x-drill': 'yes' } } },
    '503',
  ],
  [
    'another revision, as evidence against it',
    { revisionId: 'r2', isEvidence: true },
    {},
    'nothing',
  ],
  ['resets', { abort: { percent: 100, with: 'reset' } }, {}, 'reset'],
] as const) {
  test(`a fault for ${name}: ${want}`, () => {
    const turns = turnsOf({ ...rule, ...change });
    assert.equal(told(turns.next({ ...asked, ...request }, 0)), want);
  });
}

test('a fault is over at its end, and a later table moves that end to no later time', () => {
  const turns = turnsOf(rule);
  assert.equal(told(turns.next(asked, 999)), '503');
  assert.equal(told(turns.next(asked, 1000)), 'nothing');
  const longer = new FaultTurns([rule], () => 5000, 0.5, turns);
  assert.equal(told(longer.next(asked, 1000)), 'nothing');
  const shorter = new FaultTurns([rule], () => 500, 0.5, turns);
  assert.equal(told(shorter.next(asked, 500)), 'nothing');
  const another = new FaultTurns([{ ...rule, id: 'f2' }], () => 5000, 0.5, turns);
  assert.equal(told(another.next(asked, 1000)), '503');
});

test('a request has the first fault that is aimed at it', () => {
  const delay = { percent: 100, fixedDelayMs: 200 };
  const turns = turnsOf({ id: 'f0', untilMs: 0, matches: [], revisionId: 'r2', delay }, rule);
  assert.equal(told(turns.next({ ...asked, revisionId: 'r2' }, 0)), '200 ms');
  // The first one would only have it counted apart.
  assert.equal(told(turns.next(asked, 0)), '503');
});

test('of the requests of each revision a percentage is taken, exact over short runs and tables', () => {
  const permilles = fc.integer({ min: 1, max: 1000 });
  const order = fc.array(fc.boolean(), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(permilles, order, (permille, firsts) => {
      const fault = { ...rule, abort: { percent: permille / 10, with: 503 } };
      let turns = turnsOf(fault);
      const seen = { r1: { all: 0, taken: 0 }, r2: { all: 0, taken: 0 } };
      for (const [index, isFirst] of firsts.entries()) {
        if (index % 50 === 49) turns = new FaultTurns([fault], () => 1000, 0.5, turns);
        const revisionId = isFirst ? 'r1' : 'r2';
        const count = seen[revisionId];
        count.all += 1;
        if (turns.next({ ...asked, revisionId }, 0) !== null) count.taken += 1;
        const off = count.taken - (count.all * permille) / 1000;
        assert.ok(Math.abs(off) <= 0.5 + 1e-9, `off by ${off}`);
      }
    }),
    { seed: 20261121, numRuns: 200 },
  );
});

test('while a fault is aimed at one revision, the same part of the other is counted apart', () => {
  const turns = turnsOf({ ...rule, revisionId: 'r2', abort: { percent: 20, with: 503 } });
  const taken = { r1: 0, r2: 0 };
  for (let request = 0; request < 100; request += 1) {
    for (const revisionId of ['r1', 'r2'] as const) {
      if (turns.next({ ...asked, revisionId }, 0) !== null) taken[revisionId] += 1;
    }
  }
  assert.deepEqual(taken, { r1: 20, r2: 20 });
});
