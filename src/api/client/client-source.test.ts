/** src/api/client/generated is what docs/openapi.json says; TIDEGATE_REWRITE=1 writes it anew. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { type ApiDocument, clientSource } from './client-source.ts';

const root = new URL('../../../', import.meta.url);
const folder = new URL('src/api/client/generated/', root);

async function wanted(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(new URL('docs/openapi.json', root), 'utf8');
  return clientSource(JSON.parse(text) as ApiDocument);
}

test('the client’s types are those of docs/openapi.json', async () => {
  const files = await wanted();
  if (process.env['TIDEGATE_REWRITE'] === '1') {
    for (const [name, text] of Object.entries(files)) await writeFile(new URL(name, folder), text);
  }
  assert.deepEqual((await readdir(folder)).toSorted(), Object.keys(files).toSorted());
  for (const [name, text] of Object.entries(files)) {
    const isSame = (await readFile(new URL(name, folder), 'utf8')) === text;
    assert.ok(
      isSame,
      `${name} is out of date: TIDEGATE_REWRITE=1 node --test on this file, after openapi.test.ts`,
    );
  }
});

const simple = { 200: { content: { 'application/json': { schema: { type: 'boolean' } } } } };

function routesOf(operation: object): string {
  const paths = { '/v1/x/{id}': { get: { responses: simple, ...operation } } };
  return clientSource({ paths })['routes.ts'] ?? '';
}

test('each kind of shape has its type', () => {
  const rows: readonly (readonly [schema: object, type: string])[] = [
    [{ type: 'integer', minimum: 0 }, 'number'],
    [{ const: "it's" }, String.raw`'it\'s'`],
    [{ type: 'string', enum: ['a', 'b'] }, `'a' | 'b'`],
    [{ type: 'array', items: { enum: [1, 2] } }, 'readonly (1 | 2)[]'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string | null'],
    [
      { type: 'object', additionalProperties: { type: 'number' } },
      'Readonly<Record<string, number>>',
    ],
    [{ $ref: '#/components/schemas/Arm' }, 'Arm'],
    [{}, 'unknown'],
  ];
  for (const [schema, type] of rows) {
    const responses = { 200: { content: { 'application/json': { schema } } } };
    assert.ok(routesOf({ responses }).includes(`readonly answer: ${type};\n`), type);
  }
});

test('a change of the document changes the types, and an unknown keyword is refused', () => {
  const query = (required: boolean) => [
    { name: 'limit', in: 'query', required, schema: { type: 'integer' } },
  ];
  assert.ok(routesOf({ parameters: query(true) }).includes('readonly limit: number;'));
  assert.ok(
    routesOf({ parameters: query(false) }).includes('readonly limit?: number | undefined;'),
  );
  const responses = { 200: { content: { 'application/json': { schema: { allOf: [] } } } } };
  assert.throws(() => routesOf({ responses }), /allOf is not known/);
});
