import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EjectionChange } from '../../../adapters/gateway/ejections.ts';
import { EjectionJournal } from './ejection-journal.ts';

function change(instanceId: string, isEjected: boolean): EjectionChange {
  return { service: 'pay', instanceId, isEjected };
}

test('the first change is told at once, and what follows it in one entry of each kind', async () => {
  const said: string[] = [];
  using journal = new EjectionJournal((sentence) => said.push(sentence), 50);
  journal.note([change('a', true)]);
  assert.deepEqual(said, ['the gateway has ejected, because of failures in a row, a of pay']);
  for (const isEjected of [false, true, false]) journal.note([change('a', isEjected)]);
  journal.note(['b', 'c', 'd', 'e', 'f', 'g'].map((id) => change(id, true)));
  assert.equal(said.length, 1);
  const endMs = performance.now() + 30_000;
  while (said.length < 3 && performance.now() < endMs) await sleep(5);
  assert.deepEqual(said.slice(1), [
    'the gateway has ejected, because of failures in a row, b of pay, c of pay, d of pay, e of pay, f of pay and 1 more',
    'the gateway does not eject any more a of pay (changed 3 times)',
  ]);
});
