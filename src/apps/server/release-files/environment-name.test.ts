import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { environmentNameOf } from './environment-name.ts';
import { flagsFor } from './flag-spec.ts';

test('the name of the environment is what was said last, and a bad one is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-environment-'));
  try {
    assert.equal(await environmentNameOf(folder, null), null);
    assert.equal(await environmentNameOf(folder, 'staging'), 'staging');
    assert.equal(await environmentNameOf(folder, null), 'staging');
    assert.equal(await environmentNameOf(folder, 'eu-1.production'), 'eu-1.production');
    for (const bad of ['', ' a', 'a b', '-a', 'a-', '../a', 'x'.repeat(65)]) {
      await assert.rejects(environmentNameOf(folder, bad), /--environment .*must be 1-64 letters/);
    }
    assert.equal(await environmentNameOf(folder, 'x'.repeat(64)), 'x'.repeat(64));
    await writeFile(join(folder, 'environment'), 'a\0b\n');
    await assert.rejects(environmentNameOf(folder, null), /say it with --environment/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the values of the own environment are taken, and no others', () => {
  const flag = {
    key: 'new',
    variants: { on: true, off: false },
    state: 'ENABLED',
    defaultVariant: 'off',
    targeting: [],
    environments: { staging: { defaultVariant: 'on' }, production: { state: 'DISABLED' } },
  } as const;
  const { environments: _environments, ...plain } = flag;
  assert.deepEqual(flagsFor([flag], null), [plain]);
  // One that the file does not name is as none, and makes no other revision.
  assert.deepEqual(flagsFor([flag], 'toString'), [plain]);
  assert.deepEqual(flagsFor([flag], 'staging'), [
    { ...plain, defaultVariant: 'on', environment: 'staging' },
  ]);
  assert.deepEqual(flagsFor([flag], 'production'), [
    { ...plain, state: 'DISABLED', environment: 'production' },
  ]);
});
