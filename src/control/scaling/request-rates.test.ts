import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOf } from '../../domain/release/release.fixture.ts';
import { RequestRates } from './request-rates.ts';

const revisionId = 'web-1';
const id = 'web-1-1';

/** `requests` each 100 ms from 10 s on. */
function ratesOf(requests: number, untilMs: number): RequestRates {
  const rates = new RequestRates(10_000);
  for (let atMs = 10_000; atMs < untilMs; atMs += 100) {
    rates.add(sampleOf(atMs, [{ revisionId, requests, failures: 1 }]));
  }
  return rates;
}

test('a rate is the mean of the window, failures and all', () => {
  assert.equal(Math.round(ratesOf(10, 30_000).perSecond(id, 0, 30_000)), 100);
});

test('who takes requests for a shorter time is measured by that', () => {
  assert.equal(Math.round(ratesOf(10, 12_000).perSecond(id, 10_000, 12_000)), 100);
  assert.equal(Math.round(ratesOf(10, 12_000).perSecond(id, 0, 12_000)), 20);
});

test('nobody has none, what is over is forgotten, and a catch-up is of no known time', () => {
  const rates = ratesOf(10, 12_000);
  assert.equal(rates.perSecond('web-1-2', 0, 12_000), 0);
  assert.equal(rates.perSecond(id, 0, 30_000), 0);
  rates.add(sampleOf(12_000, [{ revisionId, requests: 1e6, failures: 0 }], true));
  assert.equal(Math.round(rates.perSecond(id, 0, 12_000)), 20);
  rates.tidy(new Set(), 12_000);
  assert.equal(rates.perSecond(id, 0, 12_000), 0);
});
