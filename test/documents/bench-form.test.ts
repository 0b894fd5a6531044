import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

function bench(...argv: readonly string[]) {
  const program = join(root, 'bench', 'bench.ts');
  return spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8', timeout: 60_000 });
}

test('without a name the benchmarks are listed with what they measure', () => {
  const { status, stdout, stderr } = bench();
  assert.equal(status, 0, stderr);
  for (const name of ['footprint', 'gateway', 'rollback']) {
    assert.match(stdout, new RegExp(`^${name} +\\S`, 'm'));
  }
});

test('what cannot be run is refused with exit code 2 and the list', () => {
  const rows: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown name', ['rolback'], /there is no benchmark "rolback"/],
    ['two names', ['rollback', 'footprint'], /one benchmark at a time/],
    ['an unknown flag', ['rollback', '--fast'], /--fast/],
    [
      'a part of what has none',
      ['rollback', '--only', 'x'],
      /rollback has no part "x": it has none/,
    ],
    ['an unknown part', ['gateway-soak', '--only', 'x'], /no part "x": it has bodies, huge, /],
    ['a name that leads out of the folder', ['../src'], /there is no benchmark "\.\.\/src"/],
  ];
  for (const [name, argv, message] of rows) {
    const { status, stdout, stderr } = bench(...argv);
    assert.equal(status, 2, name);
    assert.equal(stdout, '', name);
    assert.match(stderr, message, name);
    assert.match(stderr, /^gateway /m, name);
  }
});
