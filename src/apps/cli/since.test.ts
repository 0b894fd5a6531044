import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseSince } from './since.ts';

const nowMs = Date.parse('2026-11-20T12:00:00Z');

test('a time is said as how long ago, or as a date', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['30m', '2026-11-20T11:30:00.000Z'],
    ['24h', '2026-11-19T12:00:00.000Z'],
    ['1.5d', '2026-11-19T00:00:00.000Z'],
    ['2026-11-01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T10:00:00+02:00', '2026-11-01T08:00:00.000Z'],
  ];
  for (const [text, want] of rows) {
    assert.equal(new Date(parseSince(text, nowMs)).toISOString(), want, text);
  }
  for (const text of ['', '5', 'noon', '3w', '2026-13-01', '01.11.2026', '1 Nov 2026']) {
    assert.throws(() => parseSince(text, nowMs), /cannot read the time/, text);
  }
});
