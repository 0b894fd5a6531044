import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  around,
  boundsOf,
  latestRanges,
  moved,
  queryOfRange,
  rangeOf,
  ticksOf,
  type TimeRange,
  zoomed,
} from './time-range.ts';

const nowMs = Date.parse('2026-11-22T03:00:00Z');
const hour: TimeRange = { kind: 'latest', lastsMs: latestRanges['1h'] };

test('a range in an address comes back as it was, and nonsense is the last hour', () => {
  const ranges: readonly TimeRange[] = [
    hour,
    { kind: 'latest', lastsMs: latestRanges['7d'] },
    { kind: 'fixed', sinceMs: nowMs - 5_000, untilMs: nowMs },
  ];
  for (const range of ranges) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(queryOfRange(range))) {
      if (value !== null) query.set(name, value);
    }
    assert.deepEqual(rangeOf(query), range);
  }
  for (const text of ['', 'range=9y', 'since=x&until=y', 'since=2026-11-22T03:00:00Z']) {
    assert.deepEqual(rangeOf(new URLSearchParams(text)), hour, text);
  }
});

test('moving keeps the length, zooming the middle', () => {
  const back = boundsOf(moved(hour, nowMs, -0.5), nowMs);
  assert.deepEqual(back, {
    kind: 'fixed',
    sinceMs: nowMs - 5_400_000,
    untilMs: nowMs - 1_800_000,
  });
  const wide = boundsOf(zoomed(hour, nowMs, 2), nowMs);
  assert.equal(wide.untilMs - wide.sinceMs, 2 * latestRanges['1h']);
  assert.equal((wide.untilMs + wide.sinceMs) / 2, nowMs - 1_800_000);
  const one = boundsOf(around(nowMs, nowMs), nowMs);
  assert.ok(one.sinceMs < nowMs && one.untilMs > nowMs);
});

test('an axis has a few moments, all within its range', () => {
  for (const lastsMs of [1_000, 60_000, ...Object.values(latestRanges), 400 * 86_400_000]) {
    const ticks = ticksOf(nowMs - lastsMs, nowMs);
    assert.ok(ticks.length >= 1 && ticks.length <= 9, `${lastsMs}: ${ticks.length}`);
    assert.ok(ticks.every((at) => at >= nowMs - lastsMs && at <= nowMs));
  }
});
