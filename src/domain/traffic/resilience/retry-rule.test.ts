import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBadLuck, earnForgiveness } from './kept-connection.ts';
import { RetryBudget } from './retry-budget.ts';
import { backOffMs, isMethodRetryable, isRetryable, type RetryCause } from './retry-rule.ts';
import { type RetryPolicy, usualRetries } from './traffic-policy.ts';
import { farShareRatio } from './zone-share.ts';
import { takesConnection, takesPending, takesRequest, takesRetry, newCircuit } from './circuit.ts';

const onAll: RetryPolicy = { ...usualRetries, onReset: true, onStatuses: [503] };

test('what is tried again', () => {
  const rows: readonly (readonly [RetryPolicy, RetryCause, string, boolean])[] = [
    [usualRetries, 'connect-failure', '--', true],
    [{ ...usualRetries, onConnectFailure: false }, 'connect-failure', 'MM', false],
    [usualRetries, 'reset', 'MB', false],
    [usualRetries, 503, 'MB', false],
    [onAll, 'reset', 'MB', true],
    [onAll, 'timeout', 'MB', true],
    [onAll, 503, 'MB', true],
    [onAll, 502, 'MB', false],
    [onAll, 'reset', '-B', false],
    [onAll, 'reset', 'M-', false],
    [onAll, 503, '-B', false],
    [onAll, 'connect-failure', '-B', true],
    [onAll, 'connect-failure', 'M-', false],
  ];
  for (const [policy, cause, has, want] of rows) {
    const request = {
      isRepeatable: has.includes('M'),
      isReplayable: has.includes('B') || has === '--',
    };
    assert.equal(isRetryable(policy, cause, request), want, `${cause} ${has}`);
  }
});

test('which methods may be sent twice', () => {
  const rows: readonly (readonly [RetryPolicy['methods'], string])[] = [
    ['safe', 'GET HEAD OPTIONS'],
    ['idempotent', 'GET HEAD OPTIONS PUT DELETE'],
    ['any', 'GET HEAD OPTIONS PUT DELETE POST PATCH'],
  ];
  for (const [methods, want] of rows) {
    const all = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH'];
    const found = all.filter((name) => isMethodRetryable({ ...usualRetries, methods }, name));
    assert.equal(found.join(' '), want);
  }
});

test('a wait doubles, up to ten times the base, and is anywhere below', () => {
  const longest = (retry: number): number => backOffMs(25, retry, () => 0.9999);
  assert.deepEqual([1, 2, 3, 4, 5, 20].map(longest), [25, 50, 100, 200, 250, 250]);
  assert.equal(
    backOffMs(25, 3, () => 0),
    0,
  );
});

test('a hundred requests may be tried again in ten seconds, or one of five', () => {
  const limits = { budgetPercent: 20, minPerSecond: 10 };
  const budget = new RetryBudget();
  const spendAll = (nowMs: number): number => {
    let spent = 0;
    while (spent < 5000 && budget.spend(nowMs, limits)) spent += 1;
    return spent;
  };
  assert.equal(spendAll(500), 100);
  assert.equal(spendAll(9999), 0);
  assert.equal(spendAll(10_000), 100);
  for (let request = 0; request < 1000; request += 1) budget.earn(11_000);
  assert.equal(spendAll(11_000), 100);
  assert.equal(spendAll(20_000), 100);
  // Those of 11 s are gone with their requests.
  assert.equal(spendAll(21_000), 0);
  assert.equal(spendAll(1_000_000), 100);
  const strict = new RetryBudget();
  assert.equal(strict.spend(0, { budgetPercent: 20, minPerSecond: 0 }), false);
  for (let request = 0; request < 5; request += 1) strict.earn(0);
  assert.equal(strict.spend(0, { budgetPercent: 20, minPerSecond: 0 }), true);
  assert.equal(strict.spend(0, { budgetPercent: 20, minPerSecond: 0 }), false);
});

test('a closed connection is bad luck when it was idle, nothing was promised, and it is rare', () => {
  const instance = { forgiveness: 1 };
  assert.equal(isBadLuck(instance, { idleMs: 499, isPromised: false }), false);
  assert.equal(isBadLuck(instance, { idleMs: 900, isPromised: true }), false);
  assert.equal(isBadLuck(instance, { idleMs: 500, isPromised: false }), true);
  assert.equal(isBadLuck(instance, { idleMs: 500, isPromised: false }), false);
  for (let request = 0; request < 99; request += 1) earnForgiveness(instance);
  assert.equal(isBadLuck(instance, { idleMs: 500, isPromised: false }), false);
  for (let request = 0; request < 2; request += 1) earnForgiveness(instance);
  assert.equal(isBadLuck(instance, { idleMs: 500, isPromised: false }), true);
});

test('what goes to other zones', () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ['4/4', '4/4', 0],
    ['3/4', '4/4', 0],
    ['2/4', '4/4', 0.3],
    ['0/4', '4/4', 1],
    ['0/4', '0/4', 0],
    ['2/4', '0/4', 0],
    ['1/4', '1/4', 0.5],
  ];
  const count = (text: string) => {
    const [serving = 0, total = 0] = text.split('/').map(Number);
    return { serving, total };
  };
  for (const [local, far, want] of rows) {
    const share = farShareRatio(count(local), count(far));
    assert.ok(Math.abs(share - want) < 1e-9, `${local} ${far}: ${share}`);
  }
});

test('a circuit takes as many as its limit and no more; without limits any number', () => {
  const circuit = newCircuit();
  circuit.requests = circuit.pending = circuit.connections = circuit.retries = 1e6;
  const all = () =>
    [takesRequest, takesPending, takesConnection, takesRetry].map((f) => f(circuit));
  assert.deepEqual(all(), [true, true, true, true]);
  circuit.limits = { maxRequests: 2, maxPendingRequests: 2, maxConnections: 2, maxRetries: 2 };
  circuit.requests = circuit.pending = circuit.connections = circuit.retries = 1;
  assert.deepEqual(all(), [true, true, true, true]);
  circuit.requests = circuit.pending = circuit.connections = circuit.retries = 2;
  assert.deepEqual(all(), [false, false, false, false]);
});
