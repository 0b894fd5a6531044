import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyBucket } from '../../domain/traffic/samples/latency-buckets.ts';
import { Counters, noAnswer, Reported } from './counters.ts';

const key = {
  service: 'checkout',
  revisionId: 'r1',
  instanceId: 'r1-0',
  isMatched: false,
  stratum: null,
  setAside: null,
} as const;

test('a counter is one for its key, until it is dropped', () => {
  const counters = new Counters();
  const counter = counters.counter(key);
  assert.equal(counters.counter({ ...key }), counter);
  assert.notEqual(counters.counter({ ...key, instanceId: '' }), counter);
  assert.notEqual(counters.counter({ ...key, isMatched: true }), counter);
  assert.notEqual(counters.counter({ ...key, stratum: 'other' }), counter);
  assert.notEqual(counters.counter({ ...key, setAside: 'retry' }), counter);
  counters.drop([counter]);
  assert.notEqual(counters.counter(key).generation, counter.generation);
});

test('news are totals of changed counters and changed buckets, told once', () => {
  const counters = new Counters();
  const reported = new Reported();
  const counter = counters.counter(key);
  assert.deepEqual(reported.news(counters.all()), []);
  counter.count(1, 500);
  counter.count(4, 90_000);
  const [first] = reported.news(counters.all());
  assert.deepEqual(first?.byStatusClass, [0, 1, 0, 0, 1, 0]);
  assert.deepEqual(first?.latency, [
    [latencyBucket(500), 1],
    [latencyBucket(90_000), 1],
  ]);
  assert.deepEqual(reported.news(counters.all()), []);
  counter.count(noAnswer, 500);
  const [second] = reported.news(counters.all());
  assert.deepEqual(second?.byStatusClass, [0, 1, 0, 0, 1, 1]);
  assert.deepEqual(second?.latency, [[latencyBucket(500), 2]]);
});

test('a new listener starts where the last one was, and each goes its own way', () => {
  const counters = new Counters();
  const first = new Reported();
  counters.counter(key).count(1, 1);
  first.news(counters.all());
  const second = new Reported(first);
  assert.deepEqual(second.readings()[0]?.byStatusClass, [0, 1, 0, 0, 0, 0]);
  counters.counter(key).count(1, 1);
  assert.deepEqual(second.news(counters.all())[0]?.byStatusClass, [0, 2, 0, 0, 0, 0]);
  assert.equal(first.news(counters.all()).length, 1);
  assert.deepEqual(second.readings()[0]?.byStatusClass, [0, 2, 0, 0, 0, 0]);
  second.forget([counters.counter(key)]);
  assert.deepEqual(second.readings(), []);
});
