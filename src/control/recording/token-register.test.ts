import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder } from './recorder.ts';
import { tokenLimits, TokenRegister, type TokenWish } from './token-register.ts';

const { signal } = new AbortController();
const by = { who: 'root', why: 'new colleague' };
const wish: TokenWish = {
  person: 'ann',
  role: 'developer',
  scopes: ['default/*'],
  lastsMs: 3_600_000,
};

async function newWorld() {
  const [store, clock] = [new MemoryLedgerStore(), new HandClock(1_000)];
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const open = async () => {
    const recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
    return { recorder, register: await TokenRegister.open({ recorder, clock }, signal) };
  };
  return { store, clock, open };
}

test('a token opens from its entry to its end, over a restart, and its secret is nowhere', async () => {
  const { store, clock, open } = await newWorld();
  const { register } = await open();
  const secret = `tdg_a1_${'s'.repeat(43)}`;
  const said = await register.create(wish, { id: 'a1', secret, by }, signal);
  assert.equal(said.kind, 'recorded');
  assert.equal(register.find(secret)?.person, 'ann');
  assert.equal(register.find(`${secret}x`), null);
  for await (const { leaf } of store.read({ fromIndex: 0, stream: null }, signal)) {
    const text = Buffer.from(leaf).toString('utf8');
    const payload = /"payload":"([^"]+)"/.exec(text)?.[1] ?? '';
    assert.ok(!`${text}${Buffer.from(payload, 'base64').toString('utf8')}`.includes('ssss'));
  }
  const again = (await open()).register;
  assert.deepEqual(again.find(secret), register.find(secret));
  await clock.pass(3_599_999);
  assert.notEqual(again.find(secret), null);
  await clock.pass(1);
  assert.equal(again.find(secret), null);
  assert.deepEqual(again.active, []);
});

test('a revoked token opens nothing, at once and after a restart', async () => {
  const { open } = await newWorld();
  const { register } = await open();
  await register.create(wish, { id: 'a1', secret: 'one', by }, signal);
  await register.create(wish, { id: 'a2', secret: 'two', by }, signal);
  assert.equal((await register.revoke('a1', by, signal)).kind, 'recorded');
  for (const each of [register, (await open()).register]) {
    assert.equal(each.find('one'), null);
    const two = each.find('two');
    assert.ok(two?.id === 'a2' && each.isInForce(two));
    assert.ok(!each.isInForce({ ...two, sha256: '0'.repeat(64) }));
  }
  assert.deepEqual(await register.revoke('a1', by, signal), {
    kind: 'unknown',
    because: 'no token a1 is in force',
  });
});

const refused: readonly (readonly [what: string, wish: Partial<TokenWish>, says: RegExp])[] = [
  ['a name that is none', { person: 'Ann B' }, /no name of a person/],
  ['a role that is none', { role: 'root' }, /'root' is no role/],
  ['no services', { scopes: [] }, /1-32 patterns of services, not 0/],
  ['services that are no pattern', { scopes: ['default/*', 'pay'] }, /'pay' is no pattern/],
  ['too short a time', { lastsMs: tokenLimits.lastsMsMin - 1 }, /lasts 60000-\d+ ms, not 59999/],
  ['too long a time', { lastsMs: tokenLimits.lastsMsMax + 1 }, /a token lasts/],
];
for (const [what, part, says] of refused) {
  test(`a token with ${what} is not made`, async () => {
    const { register, recorder } = await (await newWorld()).open();
    const { size } = recorder;
    const made = await register.create({ ...wish, ...part }, { id: 'a', secret: 's', by }, signal);
    assert.ok(made.kind === 'refused');
    assert.match(made.because, says);
    assert.equal(recorder.size, size);
  });
}
