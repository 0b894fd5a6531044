/** Trouble on purpose, from the command to what callers get, and its end with and without a server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { faultListSchema, faultReceiptSchema } from '../../src/api/faults-wire.ts';
import { release } from './release.fixture.ts';
import { startWorld, waitFor, type World } from './world.fixture.ts';

let world: World;
before(async () => {
  world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
});
after(() => world[Symbol.asyncDispose]());

const patient = { timeoutMs: 120_000 };
const reason = ['--reason', 'a drill'];
const mine = { 'x-drill': 'yes' };

async function added(...options: readonly string[]) {
  const { stdout } = await world.must('fault', 'add', 'pay', ...options, ...reason, '-o', 'json');
  const receipt = faultReceiptSchema.parse(JSON.parse(stdout));
  assert.equal(receipt.isInForce, true);
  return receipt.fault;
}

async function listed(): Promise<readonly string[]> {
  const answer = await world.request('/v1/faults');
  return faultListSchema.parse(await answer.json()).items.map(({ id }) => id);
}

test('a fault is in force when the command returns, is told by describe and the ledger, and is removed', async () => {
  const options = ['--abort', '429', '--percent', '100%', '--header', 'x-drill=yes', '--for', '1h'];
  const { id } = await added(...options);
  assert.equal((await world.visit('pay', mine)).status, 429);
  assert.equal((await world.visit('pay')).status, 200);
  const described = await world.must('describe', 'pay');
  assert.match(described.stdout, new RegExp(`Fault ${id}: +status 429 for 100 % .*"a drill"`));
  const list = await world.must('fault', 'list');
  assert.match(list.stdout, new RegExp(id));
  const events = await world.events();
  const entry = events.find(({ sentence }) => sentence.includes(`fault ${id} for 3600 s`));
  assert.deepEqual([entry?.service, entry?.by?.why], ['pay', 'a drill']);
  await world.must('fault', 'remove', id, ...reason);
  assert.equal((await world.visit('pay', mine)).status, 200);
  assert.deepEqual(await listed(), []);
  await world.verifyLedger();
});

test('a fault outlives its server, and ends at its time though nobody is there to end it', async () => {
  const long = await added(
    '--abort',
    '429',
    '--percent',
    '100%',
    '--header',
    'x-drill=yes',
    '--for',
    '1h',
  );
  const short = await added('--abort', '503', '--percent', '100%', '--for', '15s');
  await world.killServer();
  const endsAtMs = Date.parse(short.until);
  const first = await world.visit('pay');
  assert.ok(first.status === 503 || Date.now() >= endsAtMs, 'it is in force without a server');
  const isOver = async () => (await world.visit('pay')).status === 200;
  await waitFor('the end of the fault', isOver, patient);
  assert.ok(Date.now() >= endsAtMs - 5, 'it has ended no sooner than it should');
  assert.equal((await world.visit('pay', mine)).status, 429);
  await world.up();
  assert.deepEqual(await listed(), [long.id]);
  assert.equal((await world.visit('pay', mine)).status, 429);
  await world.must('fault', 'remove', long.id, ...reason);
  assert.equal((await world.visit('pay', mine)).status, 200);
});

for (const [name, options, want] of [
  ['does nothing', [], /needs --delay, --abort, or both/],
  ['is of an unknown revision', ['--delay', '1s', '--revision', 'v9'], /has no revision "v9"/],
  ['is of an unknown rule', ['--delay', '1s', '--rule', 'x'], /has no rule "x"/],
  ['is evidence against nobody', ['--abort', '503', '--evidence'], /speaks against a revision/],
  ['lasts too long', ['--delay', '1s', '--for', '2h'], /3600000|lastsMs/],
] as const) {
  test(`a fault that ${name} is refused`, async () => {
    const ran = await world.run(['fault', 'add', 'pay', ...options, ...reason]);
    assert.notEqual(ran.code, 0);
    assert.match(ran.stderr, want);
    assert.deepEqual(await listed(), []);
  });
}

test('without a service, or a reason, nothing is begun', async () => {
  for (const command of [
    ['fault', 'add', '--delay', '1s', ...reason],
    ['fault', 'add', 'pay', '--delay', '1s'],
    ['fault', 'add', 'nobody', '--delay', '1s', ...reason],
  ]) {
    assert.notEqual((await world.run(command)).code, 0, command.join(' '));
  }
  assert.deepEqual(await listed(), []);
});
