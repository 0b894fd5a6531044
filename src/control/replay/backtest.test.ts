import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gate as recordedGate } from '../../domain/release/release.fixture.ts';
import type { GateSettings } from '../../domain/release/revision.ts';
import { backtest, type BacktestFinding, type RolloutBacktest } from './backtest.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import type { TriedPolicy } from './policy-shadow.ts';
import { type Ledger, ledgerOf, listed, readerOf, recorded } from './recorded-ledger.fixture.ts';

async function findingsOf(
  { entries, blobs }: Ledger,
  gate: Partial<GateSettings>,
  isWanted: (rolloutId: string) => boolean = () => true,
): Promise<BacktestFinding[]> {
  const policy: TriedPolicy = { gate: { ...recordedGate, ...gate }, objectives: null };
  const question = {
    policyOf: () => policy,
    isWanted: ({ rolloutId }: { readonly rolloutId: string }) => isWanted(rolloutId),
  };
  return Array.fromAsync(backtest(listed(entries), readerOf(blobs), question));
}

function rolloutOf(findings: readonly BacktestFinding[], id: string): RolloutBacktest {
  const found = findings.find(({ rollout }) => rollout.rolloutId === id);
  assert.ok(found?.kind === 'judged', JSON.stringify(found));
  return found.rollout;
}

test('the policy that was in force decides what was decided, at the same moment', async () => {
  const findings = await findingsOf(await recorded(), {});
  assert.deepEqual(
    findings.map(({ kind, rollout }) => [kind, rollout.rolloutId]),
    [
      ['skipped', 'web-1'],
      ['judged', 'web-2'],
      ['judged', 'web-3'],
    ],
  );
  for (const [id, kind] of [
    ['web-2', 'promoted'],
    ['web-3', 'rolled-back'],
  ] as const) {
    const { recorded: was, policy } = rolloutOf(findings, id);
    assert.equal(policy.kind, kind);
    assert.equal(was.outcome, kind);
    assert.deepEqual(
      [policy.afterMs, policy.candidate, policy.sentence],
      [was.afterMs, was.candidate, was.sentence],
    );
  }
});

test('a policy that wants more evidence holds, and its later shares are unknown', async () => {
  const ledger = await recorded();
  const { policy, recorded: was } = rolloutOf(await findingsOf(ledger, { soakMs: 5_000 }), 'web-2');
  assert.ok(policy.kind === 'holds');
  assert.equal(policy.weightPercent, 10);
  assert.ok(policy.afterMs < was.afterMs);
  assert.equal(policy.laterRollBack, null);
});

test('a policy that is slower to go back is unknown where the recorded traffic ends', async () => {
  const ledger = await recorded();
  const findings = await findingsOf(ledger, { falseRollbackRatio: 1e-300 });
  const { policy, recorded: was } = rolloutOf(findings, 'web-3');
  assert.equal(policy.kind, 'unknown');
  assert.deepEqual([policy.afterMs, policy.candidate], [was.afterMs, was.candidate]);
  // The one that was promoted does not depend on it.
  assert.equal(rolloutOf(findings, 'web-2').policy.kind, 'promoted');
});

test('a policy that is quicker costs fewer requests, and never more', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  for (let at = 0; at < 60 && running.phase !== 'rolled-back'; at += 1) {
    await world.serve(100);
    // One interval in ten is bad: it takes several of them.
    if (at % 10 === 5) await world.serve(100, [2]);
    if (running.phase === 'promoted') break;
  }
  await world.serve(20_000);
  await running.stop();
  const ledger = await ledgerOf(world);
  const same = rolloutOf(await findingsOf(ledger, {}), 'web-2');
  const quick = rolloutOf(await findingsOf(ledger, { falseRollbackRatio: 0.4 }), 'web-2');
  assert.equal(quick.policy.kind, 'rolled-back');
  assert.ok(quick.policy.afterMs <= same.recorded.afterMs);
  assert.ok(quick.policy.candidate.failures <= same.recorded.candidate.failures);
});

test('only wanted rollouts are looked at, from wherever they begin', async () => {
  const ledger = await recorded();
  const findings = await findingsOf(ledger, {}, (id) => id === 'web-3');
  assert.equal(findings.length, 1);
  assert.equal(rolloutOf(findings, 'web-3').policy.kind, 'rolled-back');
});

test('a rollout that is under way, or whose bytes are gone, is named and left out', async () => {
  const whole = await recorded();
  const cut = { ...whole, entries: whole.entries.slice(0, -2) };
  const last = (await findingsOf(cut, {})).at(-1);
  assert.deepEqual(last, {
    kind: 'skipped',
    rollout: { rolloutId: 'web-3', sentence: 'it is still under way' },
  });
  const lost = { entries: whole.entries, blobs: new Map<string, Uint8Array>() };
  for (const finding of await findingsOf(lost, {})) {
    assert.ok(finding.kind === 'skipped');
    assert.match(finding.rollout.sentence, /blob of its (events|state), \w+, is not in the ledger/);
  }
});
