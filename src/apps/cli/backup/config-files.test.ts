import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ConfigStore } from '../../../adapters/local-process/config-store.ts';
import { backup } from '../actions/backup.ts';
import { restore } from '../actions/restore.ts';
import { openSession } from '../session.ts';
import { fillState, temporaryFolder } from './filled-state.fixture.ts';

const { signal } = new AbortController();
const bytes = Buffer.from('{"color":"blue"}');
const configOf = (state: string): string => join(state, 'instances', 'config');

async function backedUp(folder: string) {
  const [state, copy, target] = ['state', 'copy', 'target'].map((name) => join(folder, name));
  assert.ok(state !== undefined && copy !== undefined && target !== undefined);
  await fillState(state, 3);
  const store = await ConfigStore.open(configOf(state));
  const sha256 = await store.put(bytes);
  const spoilt = await store.put(Buffer.from('as it was'));
  await writeFile(join(configOf(state), 'contents', spoilt), 'as it was not');
  const session = openSession({ state }, signal);
  assert.equal(await backup(session, copy, { version: '0.1.0', output: 'json' }), 0);
  return { copy, target, sha256 };
}

const restored = (target: string, copy: string): Promise<number> =>
  restore(openSession({ state: target }, signal), copy, {
    witnesses: true,
    version: '0.1.0',
    output: 'json',
  });

test('config files of revisions come back with a backup, but one that is not what it was applied as', async () => {
  await using folder = await temporaryFolder();
  const { copy, target, sha256 } = await backedUp(folder.path);
  assert.deepEqual(await readdir(join(copy, 'config')), [sha256]);
  assert.equal(await restored(target, copy), 0);
  const store = await ConfigStore.open(configOf(target));
  const file = { name: 'settings.json', sha256, sizeBytes: bytes.length };
  const laid = await store.lay('web-1', [file]);
  assert.ok(typeof laid !== 'string', JSON.stringify(laid));
  assert.deepEqual(await readFile(join(laid.folder, file.name)), bytes);
});

test('a config file that was changed in the backup restores nothing', async () => {
  await using folder = await temporaryFolder();
  const { copy, target, sha256 } = await backedUp(folder.path);
  await writeFile(join(copy, 'config', sha256), '{"color":"grey"}');
  await assert.rejects(restored(target, copy), /its SHA-256 is/);
  assert.deepEqual(await readdir(target), []);
});
