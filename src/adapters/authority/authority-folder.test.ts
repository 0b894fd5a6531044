import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDenied } from '../../domain/identity/deny-list.ts';
import { trustDomainIdOf } from '../../domain/identity/spiffe-id.ts';
import { isSignedBy, StateFolder } from './authority.fixture.ts';
import type { AuthorityError } from './authority-error.ts';
import { makeAuthority } from './make-certificate.ts';

const hourMs = 3_600_000;
const wish = { trustDomain: 'shop.example', svidLifeMs: hourMs, given: null };

test('an authority is its trust domain, and its key is there for its owner alone', async () => {
  await using state = await StateFolder.make();
  const made = await state.authority.init({ ...wish, nowMs: Date.now() });
  const certificate = new X509Certificate(made.chainPem);
  assert.equal(certificate.subjectAltName, 'URI:spiffe://shop.example');
  assert.ok(certificate.ca);
  const folder = join(state.path, 'ca', 'authority-1');
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, 'key.pem'))).mode & 0o777, 0o600);
  assert.deepEqual(await state.authority.read(), [made]);
  assert.ok(certificate.checkPrivateKey(await state.authority.keyOf(made)));
});

test('there is one first authority, and one that takes over at a time', async () => {
  await using state = await StateFolder.make();
  const nowMs = Date.now();
  const first = await state.authority.init({ ...wish, nowMs });
  await assert.rejects(state.authority.init({ ...wish, nowMs }), isError('conflict', /already/));
  const second = await state.authority.rotate(null, nowMs);
  assert.ok(second.signsFromMs > nowMs + hourMs / 2);
  await assert.rejects(
    state.authority.rotate(null, nowMs),
    isError('conflict', /about to take over/),
  );
  await state.authority.rotate(null, second.signsFromMs);
  assert.deepEqual(
    (await state.authority.read()).map(({ number }) => number),
    [1, 2, 3],
  );
  assert.ok(!isSignedBy(new X509Certificate(second.chainPem), new X509Certificate(first.chainPem)));
});

test('of many who make the first authority at once, one has made it', async () => {
  await using state = await StateFolder.make();
  const nowMs = Date.now();
  const all = await Promise.allSettled(
    Array.from({ length: 5 }, () => state.authority.init({ ...wish, nowMs })),
  );
  assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(await readdir(join(state.path, 'ca')), ['authority-1']);
});

test('a key that others can read is refused, and what it says is in no message', async () => {
  await using state = await StateFolder.make();
  const made = await state.authority.init({ ...wish, nowMs: Date.now() });
  const path = join(state.path, 'ca', 'authority-1', 'key.pem');
  await chmod(path, 0o640);
  await assert.rejects(state.authority.keyOf(made), isError('refused', /0640.*ca rotate/));
  const secret = (await readFile(path, 'utf8')).split('\n')[1] ?? '';
  await chmod(path, 0o600);
  await writeFile(path, `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`);
  await assert.rejects(state.authority.keyOf(made), (error: Error) => {
    assert.match(error.message, /it is none/);
    assert.ok(!error.message.includes(secret));
    return true;
  });
});

test('a folder that cannot be read is not taken for an empty one', async () => {
  await using state = await StateFolder.make();
  await state.authority.init({ ...wish, nowMs: Date.now() });
  const note = join(state.path, 'ca', 'authority-1', 'authority.json');
  const good = JSON.parse(await readFile(note, 'utf8')) as object;
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"format":2}',
    JSON.stringify({ ...good, number: 2 }),
  ]) {
    await writeFile(note, text);
    await assert.rejects(state.authority.read(), isError('unreadable', /authority\.json/), text);
    await assert.rejects(
      state.authority.init({ ...wish, nowMs: Date.now() }),
      isError('unreadable', /./),
    );
  }
});

test('an authority by files is checked before it is taken', async () => {
  await using state = await StateFolder.make();
  const nowMs = Date.now();
  const validity = { notBeforeMs: nowMs - 10_000, notAfterMs: nowMs + hourMs };
  const id = trustDomainIdOf('shop.example');
  const own = await makeAuthority(id, { number: 1, validity });
  const other = await makeAuthority(id, { number: 1, validity });
  const ended = await makeAuthority(id, {
    number: 1,
    validity: { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs - 2000 },
  });
  const { privateKey } = generateKeyPairSync('ed25519');
  const unusual = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const rows: readonly (readonly [
    chainPem: string,
    keyPem: string,
    rootsPem: string,
    why: RegExp,
  ])[] = [
    [own.certificatePem, 'no key', own.certificatePem, /no key that can sign/],
    [own.certificatePem, unusual, own.certificatePem, /no key that can sign/],
    ['', own.keyPem, own.certificatePem, /no certificate in PEM/],
    [own.certificatePem, own.keyPem, '', /no root in PEM/],
    [own.certificatePem, other.keyPem, own.certificatePem, /not the one of the first certificate/],
    [own.certificatePem, own.keyPem, other.certificatePem, /leads to none of the roots/],
    [ended.certificatePem, ended.keyPem, ended.certificatePem, /ended on/],
  ];
  for (const [chainPem, keyPem, rootsPem, why] of rows) {
    const given = { chainPem, keyPem, rootsPem };
    await assert.rejects(state.authority.init({ ...wish, given, nowMs }), isError('refused', why));
  }
  assert.deepEqual(await state.authority.read(), []);
  const given = { chainPem: own.certificatePem, keyPem: own.keyPem, rootsPem: own.certificatePem };
  const taken = await state.authority.init({ ...wish, given, nowMs });
  assert.deepEqual([taken.origin, taken.chainPem], ['given', own.certificatePem]);
});

test('what is revoked is denied until its certificates have ended anyway', async () => {
  await using state = await StateFolder.make();
  const nowMs = Date.now();
  await state.authority.init({ ...wish, nowMs });
  const why = { reason: 'its disk was stolen', nowMs };
  const id = 'spiffe://shop.example/ns/default/sa/cart';
  await state.authority.revoke({ kind: 'serial', serial: '0A:B1' }, why);
  await state.authority.revoke({ kind: 'identity', id }, why);
  const denied = await state.authority.denyList(nowMs);
  assert.ok(isDenied(denied, { serial: 'AB1', id: 'spiffe://d/x', notBeforeMs: nowMs }));
  assert.ok(isDenied(denied, { serial: '1', id, notBeforeMs: nowMs - 31_000 }));
  assert.ok(!isDenied(denied, { serial: '1', id, notBeforeMs: nowMs }));
  const later = await state.authority.denyList(nowMs + 2 * hourMs);
  assert.deepEqual(later, { serials: [], identities: [] });
});

function isError(code: AuthorityError['code'], message: RegExp) {
  return (error: AuthorityError): boolean => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
