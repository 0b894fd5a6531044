import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { openSigningKey, SIGNING_KEY_FILE, SigningKeyError } from './signing-key.ts';

test('the first start makes a key of mode 0600 in a folder of mode 0700, and nothing else', async () => {
  await using folder = await temporaryFolder();
  const state = join(folder.path, 'state');
  await openSigningKey(state);
  assert.equal((await stat(state)).mode & 0o777, 0o700);
  assert.equal((await stat(join(state, SIGNING_KEY_FILE))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(state), [SIGNING_KEY_FILE]);
  assert.match(
    await readFile(join(state, SIGNING_KEY_FILE), 'utf8'),
    /^-----BEGIN PRIVATE KEY-----/,
  );
});

test('its signatures verify with its public key, and its id is that key’s digest', async () => {
  await using folder = await temporaryFolder();
  const signer = await openSigningKey(folder.path);
  const message = Buffer.from('message');
  const signature = await signer.sign(message, AbortSignal.timeout(60_000));
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: 'der', type: 'spki' });
  assert.equal(key.asymmetricKeyType, 'ed25519');
  assert.equal(signature.length, 64);
  assert.equal(verify(null, message, key, signature), true);
  assert.equal(signer.keyId, sha256Hex(signer.publicKey));
  await assert.rejects(signer.sign(message, AbortSignal.abort(new Error('stop'))), /stop/);
});

test('later starts have the same key, and so have starts at the same time', async () => {
  await using folder = await temporaryFolder();
  const signers = await Promise.all(Array.from({ length: 8 }, () => openSigningKey(folder.path)));
  signers.push(await openSigningKey(folder.path));
  assert.equal(new Set(signers.map((signer) => signer.keyId)).size, 1);
  assert.deepEqual(await readdir(folder.path), [SIGNING_KEY_FILE]);
});

for (const mode of [0o640, 0o604, 0o610, 0o666]) {
  test(`a key file of mode ${mode.toString(8)} is refused with its remedy`, async () => {
    await using folder = await temporaryFolder();
    await openSigningKey(folder.path);
    const path = join(folder.path, SIGNING_KEY_FILE);
    await chmod(path, mode);
    await assert.rejects(openSigningKey(folder.path), (error) => {
      assert.ok(error instanceof SigningKeyError && error.code === 'unsafe-permissions');
      assert.ok(error.message.includes(`chmod 600 '${path}'`), error.message);
      return true;
    });
    await chmod(path, 0o400);
    await openSigningKey(folder.path);
  });
}

test('a folder that others may write to is refused', async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o777);
  await assert.rejects(openSigningKey(folder.path), /chmod 700/);
});

const P256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const WRONG_FILES: readonly (readonly [name: string, text: string, what: RegExp])[] = [
  ['an empty file', '', /no private key/],
  ['half a key', '-----BEGIN PRIVATE KEY-----\nMC4CAQ', /no private key/],
  ['a key of another kind', P256.export({ type: 'pkcs8', format: 'pem' }).toString(), /type ec/],
];

for (const [name, text, what] of WRONG_FILES) {
  test(`${name} is refused and not replaced`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, SIGNING_KEY_FILE);
    await writeFile(path, text, { mode: 0o600 });
    await assert.rejects(openSigningKey(folder.path), what);
    assert.equal(await readFile(path, 'utf8'), text);
  });
}

test('a folder that cannot be made is an error that names the file', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  await assert.rejects(openSigningKey(join(folder.path, 'file')), (error) => {
    assert.ok(error instanceof SigningKeyError && error.code === 'io');
    assert.match(error.message, /ledger-key\.pem/);
    return true;
  });
});

test('a dangling link in the place of the key is refused, not written through', async () => {
  await using folder = await temporaryFolder();
  const target = join(folder.path, 'elsewhere');
  await symlink(target, join(folder.path, SIGNING_KEY_FILE));
  await assert.rejects(openSigningKey(folder.path), SigningKeyError);
  await assert.rejects(stat(target), /ENOENT/);
});

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-key-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
