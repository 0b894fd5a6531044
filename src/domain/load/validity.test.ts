import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunFacts } from './validity.ts';
import { invalidityReasons } from './validity.ts';

const good: RunFacts = {
  targetRps: 800,
  achievedRps: 800,
  dropped: 0,
  sendLagP99Ms: 2,
  sendLagP99LimitMs: 20,
};

test('each limit decides on both of its sides', () => {
  const rows: [name: string, change: Partial<RunFacts>, want: RegExp | null][] = [
    ['as planned', {}, null],
    ['rate at the limit', { achievedRps: 792 }, null],
    ['rate below the limit', { achievedRps: 791.9 }, /791\.9 of 800 requests\/s .* 99 %/],
    ['more than asked for', { achievedRps: 900 }, null],
    ['one dropped', { dropped: 1 }, /1 requests were dropped/],
    ['lag at the limit', { sendLagP99Ms: 20 }, null],
    ['lag above the limit', { sendLagP99Ms: 20.1 }, /late by 20\.1 ms \(p99\), more than 20 ms/],
  ];
  for (const [name, change, want] of rows) {
    const reasons = invalidityReasons({ ...good, ...change });
    if (want === null) assert.deepEqual(reasons, [], name);
    else assert.match(reasons.join('; '), want, name);
  }
});

test('all reasons are named together', () => {
  const reasons = invalidityReasons({ ...good, dropped: 9, achievedRps: 1, sendLagP99Ms: 100 });
  assert.equal(reasons.length, 3);
});
