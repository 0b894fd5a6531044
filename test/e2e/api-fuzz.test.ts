/**
 * The API asked by its own description: requests that docs/openapi.json lets through, and some that it does not, made by fast-check.
 * Whatever comes, the answer is no 5xx, and it comes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  anything,
  type Arbitrary,
  array,
  asyncProperty,
  assert as assertProperty,
  boolean,
  constant,
  constantFrom,
  dictionary,
  double,
  integer,
  oneof,
  record,
  string,
} from 'fast-check';
import { z } from 'zod';

import { projectFolder, startWorld, type World } from './world.fixture.ts';

/** What is used of JSON Schema 2020-12 by the document. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

const schemaSchema = z.custom<Schema>((value) => typeof value === 'object' && value !== null);
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        parameters: z
          .array(z.object({ name: z.string(), in: z.string(), schema: schemaSchema }))
          .default([]),
        requestBody: z
          .object({ content: z.object({ 'application/json': z.object({ schema: schemaSchema }) }) })
          .optional(),
      }),
    ),
  ),
});

/** With each shape in the place where its name stands. */
function resolved(document: unknown): unknown {
  const { components } = document as {
    readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
  };
  const follow = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(follow);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref } = value as { readonly $ref?: string };
    if ($ref !== undefined) return follow(components.schemas[$ref.split('/').at(-1) ?? '']);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, follow(each)]));
  };
  return follow(document);
}

/** They end the server, or make keys with each request. */
const leftOut = new Set(['/v1/stop', '/v1/ledger/keys/rotate']);
const runsEach = 30;
/** The same requests in every run; another number asks others. */
const seed = Number(process.env['TIDEGATE_FUZZ_SEED'] ?? 1_618_033);
const boundMs = 60_000;

describe('the API, asked by its own description', () => {
  let world: World;

  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  test('answers every route with something else than 5xx, and answers', async () => {
    const text = await readFile(join(projectFolder, 'docs', 'openapi.json'), 'utf8');
    const { paths } = documentSchema.parse(resolved(JSON.parse(text)));
    let asked = 0;
    const statuses = new Set<number>();
    for (const [path, item] of Object.entries(paths)) {
      if (leftOut.has(path)) continue;
      for (const [method, { parameters, requestBody }] of Object.entries(item)) {
        const body = requestBody?.content['application/json'].schema;
        const values = record(
          Object.fromEntries(parameters.map((each) => [each.name, parameterOf(each.schema)])),
          { requiredKeys: parameters.filter((each) => each.in === 'path').map(({ name }) => name) },
        );
        const bodies = body === undefined ? constant(undefined) : bodyOf(body);
        const property = asyncProperty(values, bodies, async (given, sent) => {
          const url = urlOf(path, parameters, given);
          const status = await answer(method, url, sent);
          asked += 1;
          statuses.add(status);
          assert.ok(status < 500, `${method} ${url} ${JSON.stringify(sent)}: ${status}`);
        });
        await assertProperty(property, { numRuns: runsEach, endOnFailure: true, seed });
      }
    }
    assert.ok(asked > 200, `${asked} requests`);
    assert.ok(statuses.has(200) && statuses.has(400), [...statuses].join());
    assert.equal((await world.request('/readyz')).status, 200);
  });

  async function answer(method: string, url: string, sent: unknown): Promise<number> {
    const init = sent === undefined ? {} : bodyInit(sent);
    const signal = AbortSignal.timeout(boundMs);
    const got = await world.request(url, { method: method.toUpperCase(), signal, ...init });
    await got.text();
    return got.status;
  }
});

function bodyInit(sent: unknown): RequestInit {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(sent) ?? 'null' };
}

function urlOf(
  path: string,
  parameters: readonly { readonly name: string; readonly in: string }[],
  given: Readonly<Record<string, unknown>>,
): string {
  const textOf = (name: string): string => encodeURIComponent(String(given[name])) || '-';
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => textOf(name));
  const queries = parameters
    // A stream without end is no answer to wait for.
    .filter(({ name, in: where }) => where === 'query' && name !== 'follow' && name in given)
    .map(({ name }) => `${name}=${textOf(name)}`);
  return queries.length === 0 ? filled : `${filled}?${queries.join('&')}`;
}

function parameterOf(schema: Schema): Arbitrary<unknown> {
  return oneof(
    { weight: 3, arbitrary: valueOf(schema) },
    { weight: 1, arbitrary: wellFormed(200) },
    { weight: 1, arbitrary: constantFrom('..', '%', '0', '-1', '1e999', '__proto__', 'null') },
  );
}

/** Half as the schema has it, a quarter with one field that is anything, a quarter anything. */
function bodyOf(schema: Schema): Arbitrary<unknown> {
  const right = valueOf(schema);
  const names = Object.keys(schema.properties ?? {});
  const bent = record({
    value: right,
    name: constantFrom(...names, '__proto__', 'constructor'),
    with: anything({ maxDepth: 2 }),
  }).map(({ value, name, with: other }) => ({ ...(value as object), [name]: other }));
  return oneof(
    { weight: 2, arbitrary: right },
    { weight: 1, arbitrary: bent },
    { weight: 1, arbitrary: anything({ maxDepth: 3 }) },
  ).filter((value) => isJson(value));
}

/** Of what `anything` makes, that which JSON can say: no bigint. */
function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

function valueOf(schema: Schema): Arbitrary<unknown> {
  if (schema.const !== undefined) return constant(schema.const);
  if (schema.enum !== undefined) return constantFrom(...schema.enum);
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return oneof(...several.map(valueOf));
  const { type, minimum = -1e6, maximum = 1e6, maxLength = 80 } = schema;
  switch (String(typeof type === 'string' ? type : type?.[0])) {
    case 'object':
      return objectOf(schema);
    case 'array':
      return array(valueOf(schema.items ?? {}), { maxLength: 3 });
    case 'integer':
      return integer({ min: Math.max(minimum, -1e6), max: Math.min(maximum, 1e6) });
    case 'number':
      return double({ min: minimum, max: Math.max(minimum, maximum), noNaN: true });
    case 'boolean':
      return boolean();
    case 'null':
      return constant(null);
    case 'string':
      return wellFormed(Math.min(maxLength, 80), schema.minLength ?? 0);
    default:
      return oneof(wellFormed(20), integer(), boolean(), constant(null));
  }
}

function objectOf({ properties, required = [] }: Schema): Arbitrary<unknown> {
  if (properties === undefined) return dictionary(wellFormed(10), wellFormed(10), { maxKeys: 3 });
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, valueOf(each)]),
  );
  return record(fields, { requiredKeys: required.filter((name) => name in fields) });
}

/** Characters of all kinds but lone surrogates, which no UTF-8 has. */
function wellFormed(maxLength: number, minLength = 0): Arbitrary<string> {
  return string({ unit: 'binary', minLength, maxLength });
}
