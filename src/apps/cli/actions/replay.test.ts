import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runCli, startFakeServer } from '../cli.fixture.ts';

test('replay says whether each decision came out again, with a code, and whose version it was', async () => {
  const same = {
    rolloutId: 'checkout-2',
    isSame: true,
    decisionCount: 10,
    sameCount: 10,
    eventCount: 1412,
    versions: ['0.1.0'],
    replayedByVersion: '0.1.0',
    firstDifference: null,
  };
  const recorded = { decision: 'advance', sentence: 'not worse', verdict: 'pass' };
  const other = {
    ...same,
    isSame: false,
    sameCount: 9,
    versions: ['0.0.9', '0.1.0'],
    firstDifference: {
      entryIndex: 17,
      version: '0.0.9',
      what: 'the record differs in sentence',
      recorded,
      replayed: null,
    },
  };
  await using server = await startFakeServer({
    'GET /v1/rollouts/checkout-2/replay': () => same,
    'GET /v1/rollouts/checkout-3/replay': () => ({ ...other, rolloutId: 'checkout-3' }),
  });
  const good = await runCli(['replay', 'checkout-2'], server);
  const head = 'checkout-2: 1,412 events through the decider again: ';
  assert.equal(good.stdout, `${head}10 of 10 decisions are the same, byte for byte\n`);
  assert.equal(good.code, 0);
  const bad = await runCli(['replay', 'checkout-3'], server);
  assert.equal(bad.code, 1);
  assert.deepEqual(bad.stdout.trimEnd().split('\n'), [
    'checkout-3: 1,412 events through the decider again: only 9 of 10 decisions are the same',
    '  first difference: entry 17: the record differs in sentence',
    '  recorded: advance: not worse (verdict: pass)',
    '  replayed: no decision',
    '  decided by 0.0.9, 0.1.0, replayed by 0.1.0: another version may decide otherwise',
  ]);
  const data = await runCli(['replay', 'checkout-2', '-o', 'json'], server);
  assert.deepEqual(JSON.parse(data.stdout), same);
  const none = await runCli(['replay', 'checkout-9'], server);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no/);
});
