/** A load test becomes evidence: its result a blob, its figures and who sent it an entry of the rollout it ran with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadReceiptSchema } from '../../src/api/load-wire.ts';
import { release } from './release.fixture.ts';
import { startWorld } from './world.fixture.ts';

test('a load that is recorded is told by events and audit, and its result is there by digest', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const steps = ['{ weight: 30%, gate: false, approval: true }', '100%'];
  await world.apply(release({ version: 'v2', steps }));
  const waiting = await world.run(['rollout', 'status', 'pay', '--timeout', '90s']);
  assert.equal(waiting.code, 4, waiting.stdout + waiting.stderr);

  const load = ['load', '--rps', '20', '--duration', '2s'];
  const record = ['--service', 'pay', '--record', '--reason', 'before the sale'];
  const { stdout, stderr } = await world.run([...load, ...record, '-o', 'json']);
  assert.notEqual(stdout, '', stderr);
  const { recorded, failedThresholds: _none, ...result } = JSON.parse(stdout);
  const receipt = loadReceiptSchema.parse(recorded);
  assert.deepEqual([receipt.rolloutId, receipt.notKept], ['pay-2', null]);
  const blob = await world.must('ledger', 'blob', 'get', receipt.sha256);
  assert.deepEqual(JSON.parse(blob.stdout), result);
  const told = await world.must('events');
  assert.match(told.stdout, /load test of pay, .* sent, /);
  assert.match(told.stdout, /kept beside the ledger: load-test-\d+\.json \(\d+ bytes\)/);
  const audit = await world.must('audit', '--service', 'pay', '--output', 'csv');
  assert.match(audit.stdout, /load-test,before the sale,"load test of pay/);
  await world.must('verify');

  const fault = ['--abort', '503', '--percent', '100%', '--for', '1h', '--reason', 'a drill'];
  await world.must('fault', 'add', 'pay', ...fault);
  const missed = await world.run([...load, ...record, '--max-errors', '1%']);
  assert.equal(missed.code, 99, missed.stderr);
  assert.match(missed.stdout, /Threshold failed[^]*Recorded as entry \d+ with the rollout pay-2; /);
  const url = await world.run(['load', world.gatewayUrl, '--record']);
  assert.equal(url.code, 2);
  const bad = await world.request('/v1/services/pay/load-tests', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ who: 'ana', why: null, path: '/', result: { requests: -1 } }),
  });
  assert.equal(bad.status, 400);
});
