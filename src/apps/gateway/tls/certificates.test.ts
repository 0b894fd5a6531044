import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CertificateFolder } from './certificate.fixture.ts';
import { Certificates } from './certificates.ts';
import { type CertificatePair, readPair } from './certificate-pair.ts';
import { TlsFixture } from './tls.fixture.ts';

let folder: CertificateFolder;
before(async () => {
  folder = await CertificateFolder.make({ good: ['a.test'], other: ['b.test'] });
});
after(() => folder[Symbol.asyncDispose]());

function read(certificate: string, key: string, nowMs = Date.now()) {
  const files = { certificate: join(folder.path, certificate), key: join(folder.path, key) };
  return readPair({ name: 'good', ...files }, nowMs);
}

async function faultOf(certificate: string, key: string): Promise<string> {
  const found = await read(certificate, key);
  assert.ok('reason' in found);
  return `${found.file.slice(folder.path.length + 1)} ${found.reason}`;
}

async function pairOf(certificate: string, key: string, nowMs?: number): Promise<CertificatePair> {
  const found = await read(certificate, key, nowMs);
  assert.ok(!('reason' in found), JSON.stringify(found));
  return found;
}

test('a pair that is no use names the file and says why', async () => {
  await folder.write('empty.crt', '');
  await folder.write(
    'nonsense.key',
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  );
  await folder.write('long.crt', 'x'.repeat(300_000));
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['none.crt', 'good.key', /^none\.crt cannot be read: ENOENT$/],
    ['good.crt', 'none.key', /^none\.key cannot be read: ENOENT$/],
    ['empty.crt', 'good.key', /^empty\.crt does not begin with a certificate in PEM$/],
    ['long.crt', 'good.key', /^long\.crt is longer than 262144 bytes$/],
    ['good.crt', 'nonsense.key', /^nonsense\.key has no private key in PEM/],
    ['good.crt', 'other.key', /^other\.key is not the key of the certificate in .*good\.crt$/],
    ['.', 'good.key', /^ is no file$/],
  ];
  for (const [certificate, key, wanted] of rows)
    assert.match(await faultOf(certificate, key), wanted);
});

test('a key that others may read or write is refused', async () => {
  const key = await readFile(join(folder.path, 'good.key'), 'utf8');
  for (const mode of [0o400, 0o600]) {
    await folder.write('moded.key', key, mode);
    await pairOf('good.crt', 'moded.key');
  }
  for (const mode of [0o604, 0o644, 0o620, 0o660, 0o640]) {
    await folder.write('moded.key', key, mode);
    assert.match(await faultOf('good.crt', 'moded.key'), /^moded\.key has the permissions 06\d\d/);
  }
});

test('a certificate out of date is served, with a warning', async () => {
  const dayMs = 86_400_000;
  assert.deepEqual((await pairOf('good.crt', 'good.key')).warnings, []);
  const rows: readonly (readonly [number, RegExp])[] = [
    [20, /^is out of date from /],
    [31, /^is out of date since /],
    [-3, /^is not valid before /],
  ];
  for (const [days, wanted] of rows) {
    const [warning = ''] = (await pairOf('good.crt', 'good.key', Date.now() + days * dayMs))
      .warnings;
    assert.match(warning, wanted);
  }
});

test('a broken pair keeps the one before, the others are switched, and what is gone is gone', async () => {
  await using own = await CertificateFolder.make({ a: ['a.test'], b: ['b.test'], c: ['c.test'] });
  const log: string[] = [];
  using certificates = new Certificates({
    folder: own.path,
    pairs: [],
    defaultName: null,
    log: (message) => log.push(message),
  });
  await certificates.reload();
  const serialOf = (name: string) =>
    certificates.named(name)?.pair.certificate.serialNumber ?? null;
  const [a, b] = [serialOf('a.test'), serialOf('b.test')];
  await own.write('a.crt', 'no certificate');
  await own.add('b', ['b.test', 'new.test']);
  await own.write('c.crt', 'gone soon');
  await own.remove('c.crt');
  await certificates.reload();
  await certificates.reload();
  assert.equal(serialOf('a.test'), a);
  assert.notEqual(serialOf('b.test'), b);
  assert.equal(serialOf('new.test'), serialOf('b.test'));
  assert.equal(serialOf('c.test'), null);
  const told = log.filter((line) => line.includes('stays as it was'));
  assert.deepEqual(told, [
    `the certificate 'a' stays as it was: ${own.path}/a.crt does not begin with a certificate in PEM`,
  ]);
  assert.ok(!log.some((line) => line.includes('PRIVATE')));
});

test('new files are served without being asked to, also while connections are open', async () => {
  await using fixture = await TlsFixture.start({
    pairs: { a: ['a.test'] },
    hosts: ['a.test'],
    serve: (socket) => socket.destroy(),
  });
  const before = await fixture.connect('a.test');
  const { serialNumber } = before.getPeerCertificate();
  await fixture.folder.add('a', ['a.test']);
  const endMs = performance.now() + 60_000;
  for (;;) {
    const after = await fixture.connect('a.test');
    const isNew = after.getPeerCertificate().serialNumber !== serialNumber;
    after.destroy();
    if (isNew) break;
    assert.ok(performance.now() < endMs, 'the new certificate was never served');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(before.destroyed, false);
  before.destroy();
});
