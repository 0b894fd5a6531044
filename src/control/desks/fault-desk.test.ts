import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { FaultDesk, type FaultSaid, type FaultWish } from './fault-desk.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder } from '../recording/recorder.ts';
import { withFaults } from '../loop/route-table.ts';

const { signal } = new AbortController();
const ana = { who: 'ana', why: 'a drill' };
const refusing: FaultWish = { lastsMs: 60_000, matches: [], abort: { percent: 10, with: 503 } };

async function newWorld() {
  const [store, clock] = [new MemoryLedgerStore(), new HandClock(1_000)];
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const openDesk = async () => {
    const recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
    return { recorder, desk: await FaultDesk.open({ recorder, clock }, signal) };
  };
  return { store, clock, openDesk };
}

function idOf(said: FaultSaid): string {
  assert.equal(said.kind, 'recorded');
  return said.entry.wanted.rule.id;
}

test('a fault is an entry with who and why before it is in force, and so is its end', async () => {
  const { openDesk } = await newWorld();
  const { desk, recorder } = await openDesk();
  const adding = desk.add('pay', refusing, ana, signal);
  assert.deepEqual(desk.rulesOf('pay'), []);
  const id = idOf(await adding);
  assert.deepEqual(desk.rulesOf('pay'), [
    { id, untilMs: 61_000, matches: [], abort: { percent: 10, with: 503 } },
  ]);
  assert.deepEqual(desk.rulesOf('web'), []);
  const ben = { who: 'ben', why: 'seen enough' };
  assert.equal((await desk.remove(id, ben, signal)).kind, 'recorded');
  assert.deepEqual(desk.rulesOf('pay'), []);
  const entries = await Array.fromAsync(recorder.replay('faults', signal));
  assert.deepEqual(
    entries.map(({ type, data }) => [type, JSON.parse(JSON.stringify(data)).by]),
    [
      ['operator-action', ana],
      ['operator-action', ben],
    ],
  );
  const again = await desk.remove(id, ben, signal);
  assert.deepEqual(again, { kind: 'refused', because: `no fault ${id} is in force` });
});

test('a restart keeps it until its end, never gives its name again, and ends nothing later', async () => {
  const { clock, openDesk } = await newWorld();
  const first = await openDesk();
  const id = idOf(await first.desk.add('pay', refusing, ana, signal));
  const removed = idOf(await first.desk.add('pay', refusing, ana, signal));
  await first.desk.remove(removed, ana, signal);
  await clock.pass(59_999);
  const second = await openDesk();
  assert.deepEqual(
    second.desk.active.map(({ rule }) => [rule.id, rule.untilMs]),
    [[id, 61_000]],
  );
  await clock.pass(1);
  assert.deepEqual(second.desk.active, []);
  const third = await openDesk();
  assert.deepEqual(third.desk.active, []);
  const next = idOf(await third.desk.add('pay', refusing, ana, signal));
  assert.ok(next !== id && next !== removed, next);
});

for (const [name, change] of [
  ['no time at all', { lastsMs: 0 }],
  ['more than an hour', { lastsMs: 3_600_001 }],
  ['an answer that is none', { abort: { percent: 1, with: 200 } }],
  ['no request', { abort: { percent: 0, with: 503 } }],
] as const) {
  test(`a fault for ${name} is refused, and not written`, async () => {
    const { openDesk } = await newWorld();
    const { desk, recorder } = await openDesk();
    const said = await desk.add('pay', { ...refusing, ...change }, ana, signal);
    assert.equal(said.kind, 'refused');
    assert.deepEqual(await Array.fromAsync(recorder.replay('faults', signal)), []);
  });
}

test('a service has sixteen faults at most', async () => {
  const { openDesk } = await newWorld();
  const { desk } = await openDesk();
  for (let count = 0; count < 16; count += 1) idOf(await desk.add('pay', refusing, ana, signal));
  assert.equal((await desk.add('pay', refusing, ana, signal)).kind, 'refused');
  idOf(await desk.add('web', refusing, ana, signal));
});

test('routes have the faults of their own service, and others are as they were', () => {
  const route = { host: '', requestTimeoutMs: 1, backends: [], matches: [] };
  const routes = [
    { ...route, service: 'pay' },
    { ...route, service: 'web' },
  ];
  const rule = { id: 'f', untilMs: 1, matches: [] };
  const faulty = withFaults(routes, (service) => (service === 'pay' ? [rule] : []));
  assert.deepEqual(faulty, [{ ...routes[0], faults: [rule] }, routes[1]]);
});
