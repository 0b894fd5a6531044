/**
 * The figures in the guide of the gate and in its derivation are those of the code: every part that a command writes is made again
 * and compared, and every file and function that the derivation names is there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { derivationPath, examples, guidePath } from '../../bench/gates/draw.ts';
import { drawings } from '../../bench/gates/drawings/drawings.ts';
import { blockNames, blockText, withBlock } from '../../bench/gates/examples/written-blocks.ts';

const root = join(import.meta.dirname, '../..');
const remedy = 'node bench/gates/draw.ts examples writes it anew';

test('every worked example is what the product computes', () => {
  for (const [path, blocks] of examples()) {
    const document = read(path);
    for (const { name, text } of blocks) {
      assert.equal(blockText(document, name), text, `${path}, ${name}: ${remedy}`);
    }
  }
});

test('every written part of the documents is written by the command, and once', () => {
  const made = new Map(examples().map(([path, blocks]) => [path, blocks.map(({ name }) => name)]));
  for (const path of [guidePath, derivationPath]) {
    const drawn = path === guidePath ? drawings.map(({ name }) => name) : [];
    const wanted = [...(made.get(path) ?? []), ...drawn].toSorted();
    assert.deepEqual(blockNames(read(path)).toSorted(), wanted, path);
  }
});

test('every function that the derivation names is exported by, or defined in, the file beside it', () => {
  const rows = mapped(read(derivationPath));
  assert.ok(rows.length >= 15, `${rows.length} rows`);
  assert.deepEqual(
    rows.filter((row) => !isDefined(row)),
    [],
  );
});

test('a changed figure and a function that is not there are found', () => {
  const [path, blocks] = examples()[1] ?? ['', []];
  const name = blocks[0]?.name ?? '';
  const planted = withBlock(read(path), name, (blocks[0]?.text ?? '').replace('0.26', '0.27'));
  assert.notEqual(blockText(planted, name), blocks[0]?.text);
  assert.equal(isDefined({ file: 'src/domain/gate/e-variable.ts', name: 'nowhere' }), false);
  assert.throws(() => blockText(planted, 'no-such-block'), /there is no block no-such-block/);
});

interface Mapped {
  readonly file: string;
  readonly name: string;
}

/** Rows of the table: `| formula | [file](...) | functions |`. */
function mapped(document: string): readonly Mapped[] {
  return document.split('\n').flatMap((line) => {
    const [, , file = '', names = ''] = line.split('|');
    const path = /src\/[\w./-]+\.ts/.exec(file)?.[0];
    if (path === undefined) return [];
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({ file: path, name }));
  });
}

function isDefined({ file, name }: Mapped): boolean {
  return new RegExp(`(function|const|interface) ${name}\\b`).test(read(file));
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
