import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  adoptNextKeys,
  discardNextKeys,
  findNextKeys,
  type LogKeyFiles,
  openLogKeys,
  prepareNextKeys,
} from './log-keys.ts';

const FILES = ['checkpoint-key-ml-dsa-44.pem', 'decision-key-ml-dsa-65.pem', 'ledger-key.pem'];

test('a folder has one set of keys, which stays the same', async () => {
  await using folder = await tempFolder();
  const made = await openLogKeys(folder.path);
  assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(made));
  assert.deepEqual((await readdir(folder.path)).sort(), FILES);
  assert.equal(await findNextKeys(folder.path), null);
});

test('the next keys are others, wait in a folder of their own, and take the places of the old ones', async () => {
  await using folder = await tempFolder();
  const old = await openLogKeys(folder.path);
  const next = await prepareNextKeys(folder.path);
  assert.notDeepEqual(idsOf(next), idsOf(old));
  assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(old));
  assert.deepEqual(idsOf(await findNextKeys(folder.path)), idsOf(next));
  await adoptNextKeys(folder.path);
  assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(next));
  assert.deepEqual((await readdir(folder.path)).sort(), FILES);
});

test('dropped ones leave the old ones as they are', async () => {
  await using folder = await tempFolder();
  const old = await openLogKeys(folder.path);
  await prepareNextKeys(folder.path);
  await discardNextKeys(folder.path);
  assert.equal(await findNextKeys(folder.path), null);
  assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(old));
});

for (const [at, file] of FILES.entries()) {
  test(`a crash after ${file} was put in its place loses none: the next start ends it`, async () => {
    await using folder = await tempFolder();
    await openLogKeys(folder.path);
    const next = await prepareNextKeys(folder.path);
    for (const done of FILES.slice(0, at + 1)) {
      await copyFile(join(folder.path, 'next', done), join(folder.path, done));
    }
    assert.deepEqual(idsOf(await findNextKeys(folder.path)), idsOf(next));
    await adoptNextKeys(folder.path);
    assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(next));
    assert.deepEqual((await readdir(folder.path)).sort(), FILES);
  });
}

test('a crash while the folder of the next keys is taken away makes no new ones', async () => {
  await using folder = await tempFolder();
  const next = await prepareNextKeys(folder.path);
  for (const file of FILES)
    await copyFile(join(folder.path, 'next', file), join(folder.path, file));
  await rm(join(folder.path, 'next', 'ledger-key.pem'));
  assert.equal(await findNextKeys(folder.path), null);
  assert.deepEqual(idsOf(await openLogKeys(folder.path)), idsOf(next));
});

function idsOf(keys: LogKeyFiles | null): readonly string[] {
  if (keys === null) return [];
  const { keyId, postQuantum } = keys.signer;
  const notes = keys.notes.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'));
  return [keyId, postQuantum.keyId, ...notes];
}

async function tempFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-keys-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
