import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** What the server says of itself at `/openapi.json`: OpenAPI 3.1 with the shapes of `src/api`, each once. */
export function apiDocument(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tidegate', version },
      components: { securitySchemes },
      security: [{ token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => {
      const whole = jsonSchemaTransformObject(document) as Document;
      return onlyUsed({ ...whole, paths: withProblems(whole.paths ?? {}) });
    },
  };
}

const securitySchemes = {
  token: { type: 'http', scheme: 'bearer' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-tidegate-PORT',
    description:
      'Given by POST /v1/session; without TLS it is tidegate-PORT. Writes send x-csrf-token with csrfToken of GET /v1/session.',
  },
} as const;

type Document = Readonly<Record<string, unknown>> & {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
};

interface Operation {
  readonly parameters?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses?: Readonly<Record<string, unknown>>;
}

/** Whatever is refused is refused in the same shape. */
const problem = {
  description: 'What is wrong, as in RFC 9457.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The same key and body of the same person is done once, and answered alike for a day.',
  schema: { type: 'string', minLength: 1, maxLength: 202 },
};

function withProblems(paths: NonNullable<Document['paths']>): NonNullable<Document['paths']> {
  return mapped(paths, (operations) =>
    mapped(operations, (operation) => ({
      ...operation,
      ...(operation.requestBody !== undefined && {
        parameters: [...(operation.parameters ?? []), idempotencyKey],
      }),
      responses: { ...operation.responses, default: problem },
    })),
  );
}

/** Each shape is there as it is asked for and as it is answered; most are only one of the two. */
function onlyUsed(document: Document): Document {
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const follow = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      follow(schemas[name]);
    }
  };
  follow(document.paths);
  const names = [...used].toSorted();
  return {
    ...document,
    components: {
      ...document.components,
      schemas: Object.fromEntries(names.map((name) => [name, schemas[name]])),
    },
  };
}

function mapped<Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
