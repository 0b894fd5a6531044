import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresText, millisecondsText, rateText, ratioText, weightsText } from './figures.ts';

test('figures have three digits, and what is not measured is said to be so', () => {
  assert.deepEqual(
    [rateText(0.4123), rateText(12_345.6), rateText(null)],
    ['0.41/s', '12,346/s', '–'],
  );
  assert.deepEqual([ratioText(0.00412), ratioText(1), ratioText(null)], ['0.41 %', '100 %', '–']);
  assert.deepEqual([millisecondsText(35.2), millisecondsText(1234)], ['35 ms', '1.2 s']);
  const nothing = { errorRatio: null, p99Ms: null };
  assert.equal(figuresText({ ...nothing, requestsPerSecond: null }), 'declared');
  assert.equal(figuresText({ ...nothing, requestsPerSecond: 0 }), 'nothing flowed');
  const all = { requestsPerSecond: 120, errorRatio: 0.004, p99Ms: 35 };
  assert.equal(figuresText(all), '120/s · 0.4 % errors · p99 35 ms');
});

test('weights are told where there is more than one, with what they really are', () => {
  const flow = { requestsPerSecond: 1, errorRatio: 0, p99Ms: 1 };
  const stable = { ...flow, revisionId: 'web-aaaaaa', version: null, weightPercent: 90 };
  const candidate = { ...flow, revisionId: 'web-bbbbbb', version: 'v2', weightPercent: 10 };
  const one = { ...stable, measuredSharePercent: 88.8 };
  assert.equal(weightsText({ revisions: [one] }), null);
  const two = [one, { ...candidate, measuredSharePercent: null }];
  assert.equal(weightsText({ revisions: two }), 'aaaaaa 90 % (is 89) · v2 10 %');
});
