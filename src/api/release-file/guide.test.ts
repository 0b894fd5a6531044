import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { releaseFileJsonSchema } from './json-schema.ts';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

const guide = readFileSync(
  new URL('../../../docs/guides/release-file.md', import.meta.url),
  'utf8',
);

test('every example of the guide is a good release file', () => {
  const examples = [...guide.matchAll(/^```(?:yaml|json)\n(.*?)^```$/gms)];
  assert.ok(examples.length >= 5, `found ${examples.length} examples`);
  for (const [, text = ''] of examples) {
    const { problems } = parseReleaseFiles([{ path: 'guide', text }]);
    assert.deepEqual(problems.map(formatProblem), [], text);
  }
});

test('every key and every default of the schema stands in the tables of the guide', () => {
  const rows = guide.split('\n').filter((line) => line.startsWith('|'));
  for (const { key, preset } of keysOf(releaseFileJsonSchema())) {
    const named = rows.filter((line) => namesKey(line.split('|')[1] ?? '', key));
    assert.notEqual(named.length, 0, `"${key}" is in a table`);
    const isTold = preset === null || named.some((row) => row.includes(`\`${preset}\``));
    assert.ok(isTold, `"${key}" has the default ${preset}`);
  }
});

function namesKey(cell: string, key: string): boolean {
  return cell.includes(`\`${key}\``) || cell.includes(`.${key}\``);
}

interface Key {
  readonly key: string;
  /** A default that is a single value. */
  readonly preset: string | null;
}

/** The keys of a JSON Schema, down through lists and alternatives; those of free mappings are not ours. */
function keysOf(schema: unknown): readonly Key[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const {
    properties = {},
    items,
    anyOf = [],
  } = schema as {
    properties?: Record<string, { default?: unknown }>;
    items?: unknown;
    anyOf?: unknown[];
  };
  const own = Object.entries(properties).flatMap(([key, property]) => {
    const inner = keysOf(property);
    if (inner.length > 0) return inner;
    const preset = property.default;
    const isSingle = typeof preset === 'string' || typeof preset === 'number';
    return [{ key, preset: isSingle ? String(preset) : null }];
  });
  return [...own, ...keysOf(items), ...anyOf.flatMap(keysOf)];
}

test('the JSON Schema names what is required and what a value looks like', () => {
  const schema = releaseFileJsonSchema();
  assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(schema['required'], ['apiVersion', 'kind', 'metadata', 'spec']);
  assert.equal(schema['additionalProperties'], false);
  const keys = keysOf(schema).map(({ key }) => key);
  for (const key of ['command', 'weight', 'p95', 'bake', 'header'])
    assert.ok(keys.includes(key), key);
});
