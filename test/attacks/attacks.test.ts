/**
 * Attacks that came through in other systems, each tried on ours twice: as it is, where it must be refused, and with the guard
 * taken out of the source, where it must come through. So a test of this table can fail, and each guard is needed.
 * docs/guides/attacks.md has the table for readers; a test here holds the two together.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { ATTACKS } from './attack-list.ts';
import type { AttackRow } from './attack-list.ts';
import { importWithout } from './without-guard.ts';

for (const row of ATTACKS) {
  test(`attack ${row.number}, ${row.name}: refused, and not without ${row.guard.file}`, async () => {
    const path = join(import.meta.dirname, row.module);
    const whole: unknown = await import(path);
    assert.equal(await attempt(whole, row), false, 'it came through');
    const bare = await importWithout(path, row.guard);
    assert.equal(await attempt(bare, row), true, 'it is refused without its guard, too');
  });
}

test('a guard that does not stand in the source is an error, and so is one that is never loaded', async () => {
  const path = join(import.meta.dirname, 'entry-attacks.ts');
  const file = 'domain/evidence/read-json.ts';
  await assert.rejects(importWithout(path, { file, text: 'no such text', instead: '' }), /once/);
  const unused = { file: 'apps/cli/main.ts', text: '', instead: '' };
  await assert.rejects(importWithout(path, unused), /never loads/);
});

test('the guide has a row for each attack, and the list has each of 1 to 15', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/attacks.md'), 'utf8');
  for (const { number, attempt: name } of ATTACKS) {
    assert.match(guide, new RegExp(`^\\| ${number} \\|.*\`${name}\``, 'm'));
  }
  assert.deepEqual([...new Set(ATTACKS.map(({ number }) => number))], range(1, 15));
});

async function attempt(module: unknown, { attempt: name }: AttackRow): Promise<boolean> {
  const run = (module as Readonly<Record<string, (folder: string) => unknown>>)[name];
  assert.ok(run !== undefined, `there is no attack ${name}`);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-attack-'));
  try {
    const result = await run(folder);
    assert.ok(typeof result === 'boolean');
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
