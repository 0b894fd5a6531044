import { Unproven } from './proof-bytes.ts';

/** JSON as RFC 8785 writes it: members in the order of their names' UTF-16 code units, numbers and texts as ECMAScript does. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonicalText(each)}`).join(',')}}`;
}

/**
 * The value of a text that has to be canonical, byte for byte: else two readers could find two things in it, as with a member that
 * stands there twice.
 */
export function canonicalValue(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unproven(`${what} is not JSON`);
  }
  if (canonicalText(value) !== text) throw new Unproven(`${what} is not canonical JSON`);
  return value;
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Unproven(`${what} is not an object`);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new Unproven(`${what} is not a text`);
}
