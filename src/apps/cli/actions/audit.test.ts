import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { exported } from '../../../control/replay/recorded-ledger.fixture.ts';
import { runCli } from '../cli.fixture.ts';

test('audit lists the entries of an exported ledger as a table, CSV and JSON, and none of one that was changed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-audit-'));
  try {
    const { lines } = await exported();
    const path = join(folder, 'ledger.jsonl');
    await writeFile(path, lines.map((line) => `${line}\n`).join(''));
    const of = (...flags: readonly string[]) => runCli(['audit', '--ledger', path, ...flags]);
    const csv = await of('-o', 'csv', '--service', 'web');
    assert.equal(csv.code, 0, csv.stderr);
    const [head, first, ...rest] = csv.stdout.split('\r\n');
    assert.equal(head, 'index,at,type,service,rolloutId,person,action,reason,sentence,leafHash');
    assert.match(first ?? '', /^1,\d{4}-\d\d-\d\dT[\d:.]+Z,release-plan,web,web-1,/);
    assert.equal(rest.at(-1), '');
    const json = await of('-o', 'json', '--service', 'web');
    const rows = JSON.parse(json.stdout) as readonly { readonly index: number }[];
    assert.equal(rows.length, rest.length);
    const table = await of();
    assert.equal(table.stdout.trimEnd().split('\n').length, rows.length + 1, 'and the key event');
    const none = await of('--person', 'nobody', '-o', 'json');
    assert.deepEqual(JSON.parse(none.stdout), []);
    assert.match(none.stderr, /No entry/);

    const changed = lines.with(2, (lines[2] ?? '').replace('"payload":"ey', '"payload":"eY'));
    await writeFile(path, changed.map((line) => `${line}\n`).join(''));
    const refused = await of('-o', 'csv');
    assert.notEqual(refused.code, 0);
    assert.equal(refused.stdout, '');
    assert.match(refused.stderr, /cannot use/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
