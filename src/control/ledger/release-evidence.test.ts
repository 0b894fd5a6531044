import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leafHash } from '../../domain/evidence/digest.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import { isIncluded } from '../../domain/evidence/merkle-proof.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import { EvidenceLedger } from './release-evidence.fixture.ts';
import { releaseEvidence } from './release-evidence.ts';

const signal = AbortSignal.timeout(120_000);
const web2 = { service: 'web', rolloutId: 'web-2' };

test('a rollout has its own entries, the word of who approved it, and the keys they are signed with', async () => {
  const ledger = await EvidenceLedger.open();
  await ledger.checkpoint();
  const found = await releaseEvidence(ledger.parts, web2, signal);
  assert.ok(found !== null);
  const told = found.entries.map(({ about, leaf }) => {
    const { type, data } = readLeaf(leaf).statement;
    return [about, type, JSON.stringify(data).includes('web-1')];
  });
  assert.deepEqual(told, [
    ['keys', 'key-event', false],
    ['keys', 'key-event', false],
    ['release', 'release-plan', false],
    ['release', 'approval-request', false],
    ['release', 'approval', false],
    ['release', 'gate-result', false],
    ['release', 'load-test', false],
    ['release', 'deploy-outcome', false],
  ]);
  const text = found.entries.map(({ leaf }) => readLeaf(leaf).statement.data);
  assert.ok(!JSON.stringify(text).includes(ledger.dan.keys.ed25519.keyId), 'dan has no part in it');
  assert.equal(found.isWhole, true);
});

test('each proof leads to the checkpoint, which the policy believes', async () => {
  const ledger = await EvidenceLedger.open();
  await ledger.checkpoint();
  const found = await releaseEvidence(ledger.parts, web2, signal);
  assert.ok(found !== null && found.checkpoint !== null);
  const policy = parsePolicy([...found.policy, 'quorum none', ''].join('\n'));
  const { checkpoint } = judgeCheckpoint(Buffer.from(found.checkpoint), policy, 'strict');
  const { size, root } = checkpoint;
  for (const { index, leaf, hashes } of found.entries) {
    const claim = { index: BigInt(index), size, leafHash: leafHash(leaf), root };
    assert.ok(isIncluded(claim, hashes ?? []), `entry ${index}`);
    assert.ok(!isIncluded({ ...claim, index: claim.index + 1n }, hashes ?? []));
  }
});

test('what is newer than the newest checkpoint has no proof yet', async () => {
  const ledger = await EvidenceLedger.open();
  const before = await releaseEvidence(ledger.parts, web2, signal);
  assert.equal(before?.checkpoint, null);
  assert.ok(before.entries.every(({ hashes }) => hashes === null));
  await ledger.checkpoint();
  await ledger.web('decision', 'bake');
  const after = await releaseEvidence(ledger.parts, web2, signal);
  assert.deepEqual(after?.entries.map(({ hashes }) => hashes === null).slice(-2), [false, true]);
});

test('of a rollout that never was there is nothing', async () => {
  const ledger = await EvidenceLedger.open();
  const nobody = { service: 'web', rolloutId: 'web-9' };
  assert.equal(await releaseEvidence(ledger.parts, nobody, signal), null);
});
