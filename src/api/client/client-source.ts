/** What an OpenAPI document of ours has. A keyword that is not known here is refused: its types would be wrong, silently. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

interface ApiOperation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: Content; readonly required?: boolean };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

type JsonSchema = Readonly<Record<string, unknown>>;

/** TypeScript of the files in `src/api/client/generated`, by name. */
export function clientSource(document: ApiDocument): Readonly<Record<string, string>> {
  const schemas = Object.entries(document.components?.schemas ?? {});
  return {
    'schemas.ts': `${banner}\n${schemas.map(([name, schema]) => schemaSource(name, schema)).join('\n')}`,
    'routes.ts': routesSource(document),
  };
}

const banner = `/** Written from docs/openapi.json: TIDEGATE_REWRITE=1 node --test src/apps/server/http/openapi.test.ts */`;

function schemaSource(name: string, schema: JsonSchema): string {
  const text = typeOf(schema, '');
  return schema['properties'] !== undefined && schema['type'] === 'object'
    ? `export interface ${name} ${text}\n`
    : `export type ${name} = ${text};\n`;
}

function routesSource({ paths, components }: ApiDocument): string {
  const methods = ['get', 'post', 'put', 'patch', 'delete'].flatMap((method) => {
    const routes = Object.entries(paths).flatMap(([path, operations]) => {
      const operation = operations[method];
      return operation === undefined ? [] : [routeSource(path, operation)];
    });
    if (routes.length === 0) return [];
    const name = `${method.charAt(0).toUpperCase()}${method.slice(1)}Routes`;
    return [`export interface ${name} {\n${routes.join('')}}\n`];
  });
  const text = methods.join('\n');
  const names = Object.keys(components?.schemas ?? {});
  const used = names.filter((name) => new RegExp(String.raw`\b${name}\b`).test(text));
  const imported = `import type {\n${used.map((name) => `  ${name},\n`).join('')}} from './schemas.ts';`;
  return `${banner}\n${imported}\n\n${text}`;
}

function routeSource(path: string, operation: ApiOperation): string {
  const members = [
    `path: ${parametersOf(operation, 'path')}`,
    `query: ${parametersOf(operation, 'query')}`,
    `body: ${bodyOf(operation)}`,
    `answer: ${answerOf(operation)}`,
  ];
  const lines = members.map((member) => `    readonly ${member};\n`).join('');
  return `  readonly '${path}': {\n${lines}  };\n`;
}

function parametersOf({ parameters = [] }: ApiOperation, place: string): string {
  const found = parameters.filter((parameter) => parameter.in === place);
  if (found.length === 0) return 'undefined';
  const properties = Object.fromEntries(found.map(({ name, schema }) => [name, schema]));
  const required = found.filter((each) => each.required === true).map(({ name }) => name);
  return typeOf({ type: 'object', properties, required }, '    ');
}

function bodyOf({ requestBody }: ApiOperation): string {
  const schema = requestBody?.content['application/json']?.schema;
  return schema === undefined ? 'undefined' : typeOf(schema, '    ');
}

/** Of a good answer in JSON; what is no JSON is text. */
function answerOf({ responses }: ApiOperation): string {
  const good = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const schema = good?.content?.['application/json']?.schema;
  return schema === undefined ? 'string' : typeOf(schema, '    ');
}

/** What says nothing about the type: bounds, which the server checks. */
const bounds = new Set(
  'minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems format pattern default description propertyNames'.split(
    ' ',
  ),
);

/** Keywords that are read below. */
const known = new Set(
  '$ref const enum type anyOf oneOf items properties required additionalProperties'.split(' '),
);

function typeOf(schema: JsonSchema, indent: string): string {
  for (const keyword of Object.keys(schema)) {
    if (!known.has(keyword) && !bounds.has(keyword)) throw new Error(`${keyword} is not known`);
  }
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1) ?? '';
  if ('const' in schema) return literal(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ');
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) {
    return [...new Set(choices.map((each: JsonSchema) => typeOf(each, indent)))].join(' | ');
  }
  const { type } = schema;
  if (!Array.isArray(type)) return plainTypeOf(schema, indent);
  return type.map((each: unknown) => plainTypeOf({ ...schema, type: each }, indent)).join(' | ');
}

function plainTypeOf(schema: JsonSchema, indent: string): string {
  switch (schema['type']) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema['type'];
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly ${inBrackets(typeOf(schemaIn(schema['items']), indent))}[]`;
    case 'object':
      return objectTypeOf(schema, indent);
    case undefined:
      return 'unknown';
    default:
      throw new Error(`type ${JSON.stringify(schema['type'])} is not known`);
  }
}

function objectTypeOf(schema: JsonSchema, indent: string): string {
  const properties = Object.entries(schemaIn(schema['properties']));
  const rest = schema['additionalProperties'];
  if (properties.length === 0) {
    const value = rest === false ? 'never' : typeOf(schemaIn(rest), indent);
    return `Readonly<Record<string, ${value}>>`;
  }
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const lines = properties.map(([name, value]) => {
    const type = typeOf(schemaIn(value), `${indent}  `);
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : literal(name);
    const isSure = required.has(name);
    return `${indent}  readonly ${key}${isSure ? '' : '?'}: ${type}${isSure ? '' : ' | undefined'};\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}

function schemaIn(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {};
}

/** Of JSON: only texts, numbers, booleans and null are asked for. */
function literal(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}

function inBrackets(type: string): string {
  return /^[\w.]+$/.test(type) || type.startsWith('{') ? type : `(${type})`;
}
