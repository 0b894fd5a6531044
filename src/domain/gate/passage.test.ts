import assert from 'node:assert/strict';
import { test } from 'node:test';

import { passageRequests } from './passage.ts';
import { normal, seeded } from './simulated-traffic.fixture.ts';

test('half of all walks are through when the median says so', () => {
  const rows: readonly (readonly [number, number, number])[] = [
    [5.6, 0.01, 0.02],
    [9, 0.03, 0.08],
    [2, 0.02, 0.09],
  ];
  for (const [nats, drift, variance] of rows) {
    const random = seeded(1);
    const median = passageRequests(nats, { drift, variance }, 0.5);
    let through = 0;
    for (let run = 0; run < 2000; run += 1) {
      let sum = 0;
      for (let at = 0; at < median && sum < nats; at += 1) {
        sum += drift + Math.sqrt(variance) * normal(random);
      }
      if (sum >= nats) through += 1;
    }
    // Steps are not infinitely small, so a walk is a little late.
    assert.ok(Math.abs(through / 2000 - 0.5) < 0.06, `${nats}: ${through} of 2000`);
  }
});

test('without noise it is the mean, without drift never, with the evidence there at once', () => {
  assert.ok(Math.abs(passageRequests(5, { drift: 0.1, variance: 1e-12 }, 0.5) - 50) < 0.01);
  assert.equal(passageRequests(5, { drift: 0.1, variance: 0 }, 0.5), 50);
  for (const drift of [0, -0.1, Number.NaN]) {
    assert.equal(passageRequests(5, { drift, variance: 1 }, 0.5), Infinity);
  }
  assert.equal(passageRequests(-1, { drift: 0.1, variance: 1 }, 0.5), 0);
  const late = passageRequests(5, { drift: 0.1, variance: 0.2 }, 0.95);
  assert.ok(late > 50 && late < 500, `${late}`);
});
