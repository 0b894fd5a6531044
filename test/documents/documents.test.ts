/** The documents say what is so: links lead somewhere, files named exist, scripts named are there. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const documents = [
  ...globSync('*.md', { cwd: root }),
  ...globSync('docs/**/*.md', { cwd: root }),
  ...globSync('examples/*/README.md', { cwd: root }),
];
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: object })
    .scripts,
);

test('there are documents to check', () => {
  for (const name of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/requirements.md']) {
    assert.ok(documents.includes(name), name);
  }
});

test('every relative link leads to a file', () => {
  assert.deepEqual(
    documents.flatMap((path) => deadLinks(path, read(path))),
    [],
  );
});

test('every test, source or bench file named in a document exists', () => {
  assert.deepEqual(
    documents.flatMap((path) => missingFiles(read(path)).map((f) => `${path}: ${f}`)),
    [],
  );
});

test('every npm script named in a document exists', () => {
  assert.deepEqual(
    documents.flatMap((path) => unknownScripts(read(path)).map((s) => `${path}: ${s}`)),
    [],
  );
});

test('a dead link, a missing file and an unknown script are found', () => {
  assert.notDeepEqual(deadLinks('README.md', '[x](docs/nowhere.md)'), []);
  assert.deepEqual(deadLinks('README.md', '[x](docs/words.md#words)'), []);
  assert.notDeepEqual(missingFiles('`node --test src/nowhere.test.ts`'), []);
  assert.notDeepEqual(unknownScripts('`npm run nonsense`'), []);
});

/** Numbers that more than one decision has. */
function twinNumbers(paths: readonly string[]): readonly string[] {
  const numbers = paths.map((path) => /(\d{4})-[^/]*\.md$/.exec(path)?.[1] ?? path);
  return numbers.filter((number, index) => numbers.indexOf(number) !== index);
}

test('every decision has a number of its own', () => {
  assert.deepEqual(twinNumbers(globSync('docs/decisions/*.md', { cwd: root })), []);
  assert.deepEqual(twinNumbers(['docs/decisions/0003-a.md', 'docs/decisions/0003-b.md']), ['0003']);
});

test('ARCHITECTURE.md names every folder of src and is at most two pages', () => {
  const text = read('ARCHITECTURE.md');
  const folders = globSync('src/*', { cwd: root }).concat(globSync('src/domain/*', { cwd: root }));
  assert.deepEqual(
    folders.filter((folder) => !text.includes(folder)),
    [],
  );
  assert.ok(text.split('\n').length <= 120);
});

/** Where its rows say to enter, which is nowhere. */
function noEntries(codeMap: string): readonly string[] {
  const rows = codeMap.matchAll(/^\| `(src\/[^`]+)` \|.*\| ([^|]+) \|$/gm);
  return [...rows].flatMap(([, folder = '', enter = '']) => {
    const names = [...enter.matchAll(/`([^`]+\.ts)`/g)].map(([, name = '']) => name);
    const patterns = names.map((name) => `${folder}/**/${name}`);
    return patterns.filter((pattern) => globSync(pattern, { cwd: root }).length === 0);
  });
}

test('ARCHITECTURE.md says to enter only at files that are there', () => {
  assert.deepEqual(noEntries(read('ARCHITECTURE.md')), []);
  assert.deepEqual(noEntries('| `src/control` | x | `loop.ts`, `nowhere.ts` |'), [
    'src/control/**/nowhere.ts',
  ]);
});

test('no document wraps far beyond 120 columns, but for tables and links', () => {
  // The guide of the commands is printed from their help texts, which have no line breaks.
  const written = documents.filter((path) => path !== 'docs/guides/cli.md');
  const long = written.flatMap((path) =>
    withoutCode(read(path))
      .split('\n')
      .filter((line) => line.length > 130 && !line.startsWith('|') && !line.includes(']('))
      .map((line) => `${path}: ${line}`),
  );
  assert.deepEqual(long, []);
});

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function deadLinks(path: string, text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !existsSync(join(root, dirname(path), target)))
    .map((target) => `${path} -> ${target}`);
}

function missingFiles(text: string): string[] {
  const named = [...text.matchAll(/\b(?:src|test|bench|examples)\/[\w./*-]+\.(?:ts|js|yaml)\b/g)];
  return named.map(([file]) => file).filter((file) => globSync(file, { cwd: root }).length === 0);
}

function unknownScripts(text: string): string[] {
  const named = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => name);
  return named.filter((name) => !scripts.includes(name));
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, '');
}
