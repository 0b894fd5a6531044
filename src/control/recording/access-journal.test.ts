import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { type AccessEntry, AccessJournal, type AccessTry } from './access-journal.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder } from './recorder.ts';

const { signal } = new AbortController();

async function newWorld() {
  const [store, clock] = [new MemoryLedgerStore(), new HandClock(1_000)];
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
  const entries: AccessEntry[] = [];
  const troubles: string[] = [];
  const journal = new AccessJournal({
    recorder,
    clock,
    onEntry: (entry) => entries.push(entry),
    onTrouble: (message) => troubles.push(message),
  });
  return { clock, recorder, journal, entries, troubles };
}

const knock: AccessTry = {
  person: null,
  action: null,
  resource: 'the server',
  service: null,
  because: 'no token',
};
const annOn = (service: string): AccessTry => ({
  person: 'ann',
  action: 'services:delete',
  resource: `default/${service}`,
  service,
  because: `viewer ann may not services:delete on default/${service}`,
});

test('an allowed action is an entry with the person before it is done', async () => {
  const { journal, entries, recorder } = await newWorld();
  const { size } = recorder;
  const stop = { ...annOn('pay'), action: 'server:stop', why: 'over' } as const;
  await journal.allowed(stop, signal);
  assert.equal(recorder.size, size + 1);
  assert.deepEqual(
    entries.map(({ who, decision, sentence }) => [who, decision, sentence]),
    [['ann', 'allow server:stop', 'ann does server:stop on default/pay']],
  );
});

test('the first refusal is an entry at once, those after it are counted for a minute', async () => {
  const { clock, journal, entries } = await newWorld();
  journal.refused(annOn('pay'));
  await clock.pass(0);
  assert.equal(entries.length, 1);
  for (let count = 0; count < 500; count++) journal.refused(annOn('pay'));
  journal.refused(annOn('web'));
  await clock.pass(59_999);
  assert.equal(entries.length, 1);
  await clock.pass(1);
  assert.deepEqual(
    entries.map(({ service, sentence }) => [service, /\((\d+) times/.exec(sentence)?.[1]]),
    [
      ['pay', undefined],
      ['pay', '500'],
      ['web', undefined],
    ],
  );
  await clock.pass(120_000);
  assert.equal(entries.length, 3);
  assert.equal(clock.sleeping, 0);
  await journal[Symbol.asyncDispose]();
});

test('a stranger cannot fill the ledger, nor hide what a person was refused', async () => {
  const { clock, journal, entries } = await newWorld();
  for (let second = 0; second < 600; second++) {
    for (let count = 0; count < 20; count++) journal.refused(knock);
    if (second === 30) journal.refused(annOn('pay'));
    await clock.pass(1_000);
    if (second === 30) assert.equal(entries.at(-1)?.who, 'ann');
  }
  await journal[Symbol.asyncDispose]();
  const strangers = entries.filter(({ who }) => who === null);
  assert.ok(strangers.length <= 12, `${strangers.length} entries of 12,000 knocks in ten minutes`);
  const told = strangers.map(({ sentence }) => Number(/\((\d+) times/.exec(sentence)?.[1] ?? 1));
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    12_000,
  );
});

test('a person with many wishes gets few entries, which count them all', async () => {
  const { clock, journal, entries } = await newWorld();
  for (let count = 0; count < 1_000; count++) journal.refused(annOn(`s-${count}`));
  await clock.pass(60_000);
  await journal[Symbol.asyncDispose]();
  assert.ok(entries.length <= 9, `${entries.length}`);
  const told = entries.map(({ sentence }) => Number(/\((\d+) times/.exec(sentence)?.[1] ?? 1));
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    1_000,
  );
});

test('what was counted when the server stops is written', async () => {
  const { clock, journal, entries } = await newWorld();
  journal.refused(knock);
  await clock.pass(0);
  journal.refused(knock);
  await journal[Symbol.asyncDispose]();
  assert.equal(entries.length, 2);
});
