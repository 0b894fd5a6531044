import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  knownLedgerPlace,
  ledgerPlaceOf,
  rememberLedgerPlace,
  requireNoPassword,
} from './ledger-place.ts';

const nothing = { url: null, urlFile: null, environmentUrl: null };
const secret = 'postgres://u:secret@localhost/a';

test('nothing said and nothing remembered is SQLite', async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(await ledgerPlaceOf(folder.path, nothing), { kind: 'sqlite' });
  assert.deepEqual(await knownLedgerPlace(folder.path, secret), { kind: 'sqlite' });
});

test('a URL or its file is remembered, one from the environment is not', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'url');
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  const byFile = { ...nothing, urlFile: file };
  const first = await ledgerPlaceOf(folder.path, byFile);
  assert.deepEqual(first, { kind: 'postgres', url: secret, knownFirstLeafHash: null });
  await rememberLedgerPlace(folder.path, byFile, 'aa');
  const again = { kind: 'postgres', url: secret, knownFirstLeafHash: 'aa' };
  assert.deepEqual(await ledgerPlaceOf(folder.path, nothing), again);
  // A start that says nothing keeps what was said before.
  await rememberLedgerPlace(folder.path, nothing, 'aa');
  assert.deepEqual(await knownLedgerPlace(folder.path, null), again);

  const byEnvironment = { ...nothing, environmentUrl: secret };
  await rememberLedgerPlace(folder.path, byEnvironment, 'aa');
  assert.doesNotMatch(await readFile(join(folder.path, 'store.json'), 'utf8'), /secret/);
  await assert.rejects(ledgerPlaceOf(folder.path, nothing), /set TIDEGATE_STORE_URL or give/);
  assert.deepEqual(await ledgerPlaceOf(folder.path, byEnvironment), again);
});

test('a folder with a ledger in SQLite is not given another one', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'ledger.db'), '');
  await assert.rejects(
    ledgerPlaceOf(folder.path, { ...nothing, environmentUrl: secret }),
    /has a ledger in SQLite already/,
  );
});

test('what can be wrong with the file of the URL is said', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'url');
  const wish = { ...nothing, urlFile: file };
  await assert.rejects(ledgerPlaceOf(folder.path, wish), /there is no such file/);
  await writeFile(file, '', { mode: 0o600 });
  await assert.rejects(ledgerPlaceOf(folder.path, wish), /must hold one line with the URL/);
  await writeFile(file, 'x'.repeat(9_000));
  await assert.rejects(ledgerPlaceOf(folder.path, wish), /it has 9000 bytes/);
  await writeFile(file, secret);
  await chmod(file, 0o640);
  await assert.rejects(ledgerPlaceOf(folder.path, wish), /others can read it \(mode 640\)/);
  await assert.rejects(ledgerPlaceOf(folder.path, { ...wish, url: 'postgres:///a' }), /give one/);
});

test('a password in an argument is refused in all its places', () => {
  requireNoPassword('postgres://user@localhost/a?sslmode=disable');
  requireNoPassword('not a url at all');
  requireNoPassword('postgres://[::1]:5432/a');
  assert.throws(() => requireNoPassword('postgres://u:se cret@h:x/a'), /--store has a password/);
  assert.throws(() => requireNoPassword(secret), /--store has a password in it/);
  assert.throws(() => requireNoPassword('postgres://h/a?Password=x'), /--store has a password/);
});

test('a damaged note of where the ledger is stops the start', async () => {
  await using folder = await temporaryFolder();
  for (const text of ['{', '{"url":7}']) {
    await writeFile(join(folder.path, 'store.json'), text);
    await assert.rejects(ledgerPlaceOf(folder.path, nothing), /which says where the ledger is/);
  }
});

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-place-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
