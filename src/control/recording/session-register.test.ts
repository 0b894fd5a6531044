import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { ServiceScope } from '../../domain/identity/service-scope.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder } from './recorder.ts';
import { sessionLimits, SessionRegister, type SessionWish } from './session-register.ts';
import { TokenRegister } from './token-register.ts';

const { signal } = new AbortController();
const wish: SessionWish = {
  person: 'ann',
  grants: [{ role: 'viewer', scopes: ['default/*' as ServiceScope] }],
  method: { kind: 'link', madeBy: 'root' },
  notAfterMs: null,
};

async function newWorld() {
  const [store, clock] = [new MemoryLedgerStore(), new HandClock(1_000)];
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const open = async (seenAtMs: ReadonlyMap<string, number> = new Map()) => {
    const recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
    const tokens = await TokenRegister.open({ recorder, clock }, signal);
    const parts = { recorder, clock, tokens, seenAtMs };
    return { tokens, recorder, sessions: await SessionRegister.open(parts, signal) };
  };
  return { store, clock, open };
}

/** Signs in, which has to be taken. */
async function signIn(sessions: SessionRegister, id: string, more: Partial<SessionWish> = {}) {
  const said = await sessions.signIn({ ...wish, ...more }, { id, secret: `secret-${id}` }, signal);
  assert.ok(said.kind === 'recorded', JSON.stringify(said));
  return said;
}

test('a session opens until its person signs out, over a restart, and its secret is nowhere', async () => {
  const { store, open } = await newWorld();
  const { sessions } = await open();
  const { session, entries } = await signIn(sessions, 'a');
  assert.deepEqual(
    entries.map(({ who, decision }) => [who, decision]),
    [['ann', 'sign-in']],
  );
  for await (const { leaf } of store.read({ fromIndex: 0, stream: null }, signal)) {
    const text = Buffer.from(leaf).toString('utf8');
    const payload = /"payload":"([^"]+)"/.exec(text)?.[1] ?? '';
    assert.ok(!`${text}${Buffer.from(payload, 'base64').toString('utf8')}`.includes('secret-a'));
  }
  const again = (await open()).sessions;
  assert.deepEqual(again.use('secret-a'), session);
  assert.equal(again.use('secret-b'), null);
  const entry = await again.signOut(session, { who: 'ann', why: null }, signal);
  assert.match(entry.sentence, /^ann signs out of session a$/);
  for (const each of [again, (await open()).sessions]) {
    assert.equal(each.use('secret-a'), null);
    assert.ok(!each.isInForce(session));
  }
});

test('a session that is not used is over after its idle time, and at the latest after its life', async () => {
  const { clock, open } = await newWorld();
  const { sessions } = await open();
  const { idleMs, lastsMs } = sessionLimits;
  await signIn(sessions, 'idle');
  const used = await signIn(sessions, 'used');
  await clock.pass(idleMs - 1);
  assert.ok(sessions.use('secret-used') !== null);
  await clock.pass(1);
  assert.equal(sessions.use('secret-idle'), null);
  assert.ok(sessions.use('secret-used') !== null);
  for (let passedMs = idleMs; passedMs + idleMs / 2 < lastsMs; passedMs += idleMs / 2) {
    await clock.pass(idleMs / 2);
    assert.ok(sessions.use('secret-used') !== null, `${passedMs}`);
  }
  await clock.pass(used.session.expiresAtMs - clock.nowMs() - 1);
  assert.ok(sessions.use('secret-used') !== null);
  await clock.pass(1);
  assert.equal(sessions.use('secret-used'), null);
  assert.deepEqual(sessions.active(null), []);
});

test('looking whether a session is in force is no use of it', async () => {
  const { clock, open } = await newWorld();
  const { sessions } = await open();
  const { session } = await signIn(sessions, 'a');
  await clock.pass(sessionLimits.idleMs - 1);
  assert.ok(sessions.isInForce(session));
  await clock.pass(1);
  assert.ok(!sessions.isInForce(session));
});

test('a restart forgets no idleness: without the last uses a session counts as used when it was made', async () => {
  const { clock, open } = await newWorld();
  const { sessions } = await open();
  await signIn(sessions, 'a');
  await clock.pass(sessionLimits.idleMs - 1);
  sessions.use('secret-a');
  const { uses } = sessions;
  await clock.pass(1);
  assert.ok((await open(uses)).sessions.use('secret-a') !== null);
  assert.equal((await open()).sessions.use('secret-a'), null);
});

test('a session is over when a token of its person is revoked, also one made from a link, and also after a restart', async () => {
  const { clock, open } = await newWorld();
  const { sessions, tokens } = await open();
  const by = { who: 'root', why: null };
  const token = { person: 'ann', role: 'viewer', scopes: ['*/*'], lastsMs: 3_600_000 };
  await tokens.create(token, { id: 't', secret: 'of-the-token', by }, signal);
  await signIn(sessions, 'a');
  await signIn(sessions, 'b', { person: 'ben' });
  await clock.pass(1);
  await tokens.revoke('t', by, signal);
  for (const each of [sessions, (await open()).sessions]) {
    assert.equal(each.use('secret-a'), null);
    assert.ok(each.use('secret-b') !== null);
  }
  await clock.pass(1);
  await signIn(sessions, 'later');
  assert.ok(sessions.use('secret-later') !== null);
});

test('a session ends with the token that it was opened with', async () => {
  const { clock, open } = await newWorld();
  const { sessions } = await open();
  await signIn(sessions, 'a', { notAfterMs: clock.nowMs() + 60_000 });
  await clock.pass(59_999);
  assert.ok(sessions.use('secret-a') !== null);
  await clock.pass(1);
  assert.equal(sessions.use('secret-a'), null);
});

test('one session more than a person may have ends the one that was used least lately, by an entry', async () => {
  const { clock, open } = await newWorld();
  const { sessions } = await open();
  for (let count = 0; count < sessionLimits.countEach; count++) await signIn(sessions, `s${count}`);
  await signIn(sessions, 'bens', { person: 'ben' });
  await clock.pass(1);
  sessions.use('secret-s0');
  const { entries } = await signIn(sessions, 'more');
  assert.deepEqual(
    entries.map(({ sentence }) => sentence.replace(/ with .*/, '')),
    ['ann signs in', 'ann signs out of session s1'],
  );
  assert.equal(sessions.use('secret-s1'), null);
  assert.ok(sessions.use('secret-s0') !== null && sessions.use('secret-bens') !== null);
  assert.equal(sessions.active('ann').length, sessionLimits.countEach);
});

test('a name that is none is not signed in', async () => {
  const { open } = await newWorld();
  const { sessions, recorder } = await open();
  const { size } = recorder;
  const said = await sessions.signIn(
    { ...wish, person: 'Ann B' },
    { id: 'a', secret: 's' },
    signal,
  );
  assert.ok(said.kind === 'refused');
  assert.match(said.because, /no name of a person/);
  assert.equal(recorder.size, size);
});
