/**
 * One text for one value: the JSON Canonicalization Scheme (RFC 8785).
 *
 * Everything that is hashed or signed is written by `canonicalJson` and accepted by `parseCanonicalJson` only when
 * writing it again gives the same text. That one rule refuses duplicate keys (JSON.parse keeps the last silently),
 * odd number forms, white space and escapes that another reader might understand differently.
 */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** What was read cannot be accepted as evidence; the message says what is wrong with it. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}

/** Nesting beyond this is refused, so that a hostile text cannot exhaust the stack. */
export const MAX_DEPTH = 64;

/** Throws an EvidenceError for what RFC 8785 has no form for: NaN, Infinity, lone surrogates, undefined, BigInt... */
export function canonicalJson(value: unknown): string {
  const ordered = inOrder(value, 0);
  const text = ordered === undefined ? null : JSON.stringify(ordered);
  // An escaped surrogate: the string has a lone one, or a backslash before these letters.
  return text === null || text.includes('\\ud') ? write(value, 0) : text;
}

/** The value of `text`, or an EvidenceError when `text` is not JSON in canonical form. */
export function parseCanonicalJson(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new EvidenceError('it is not JSON', { cause: error });
  }
  if (!isPlainlyCanonical(value, text) && canonicalJson(value) !== text) {
    throw new EvidenceError('it is JSON but not in canonical form (RFC 8785)');
  }
  return value;
}

/**
 * A quick yes for nearly all texts; anything else is left to `canonicalJson`. JSON.stringify writes keys in the order an object
 * has them and everything else as RFC 8785 wants it, but for lone surrogates, which it escapes.
 */
function isPlainlyCanonical(value: JsonValue, text: string): boolean {
  return !text.includes('\\ud') && isInOrder(value, 0) && JSON.stringify(value) === text;
}

/** Whether all keys are in the order of RFC 8785 section 3.2.3, and the nesting is allowed. */
function isInOrder(value: JsonValue, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) if (!isInOrder(item, depth + 1)) return false;
    return true;
  }
  const fields = value as JsonObject;
  let before: string | null = null;
  for (const key in fields) {
    if (before !== null && before >= key) return false;
    const field = fields[key];
    if (typeof field === 'object' && !isInOrder(field ?? null, depth + 1)) return false;
    before = key;
  }
  return true;
}

/**
 * A copy that JSON.stringify writes in the order of RFC 8785 section 3.2.3, three times as fast as `write` does; undefined: it is
 * left to `write`, which also says what is wrong. An object has keys like 10 in an order of its own, and sets no field __proto__.
 */
function inOrder(value: unknown, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
    case 'object':
      if (value === null) return null;
      if (depth >= MAX_DEPTH) return undefined;
      return Array.isArray(value) ? itemsInOrder(value, depth) : fieldsInOrder(value, depth);
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
    default:
      return undefined;
  }
}

function itemsInOrder(items: readonly unknown[], depth: number): JsonValue | undefined {
  const copy: JsonValue[] = [];
  for (const item of items) {
    const ordered = inOrder(item, depth + 1);
    if (ordered === undefined) return undefined;
    copy.push(ordered);
  }
  return copy;
}

function fieldsInOrder(value: object, depth: number): JsonValue | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, JsonValue> = {};
  for (const key of sortFew(Object.keys(value))) {
    if (isKeyOfItsOwn(key)) return undefined;
    const ordered = inOrder(fields[key], depth + 1);
    if (ordered === undefined) return undefined;
    copy[key] = ordered;
  }
  return copy;
}

function isKeyOfItsOwn(key: string): boolean {
  const first = key.charCodeAt(0);
  return (first >= CODE_0 && first <= CODE_9) || key === '__proto__';
}

const CODE_0 = 0x30;
const CODE_9 = 0x39;

/** In place, by UTF-16 code units; objects have few keys, often in order already, and for them this is the quickest way. */
function sortFew(keys: string[]): readonly string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let at = 1; at < keys.length; at += 1) {
    const key = keys[at] ?? '';
    let to = at;
    for (; to > 0; to -= 1) {
      const before = keys[to - 1] ?? '';
      if (before <= key) break;
      keys[to] = before;
    }
    keys[to] = key;
  }
  return keys;
}

const FEW_KEYS = 16;

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new EvidenceError(`it is nested deeper than ${MAX_DEPTH}`);
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      // Section 3.2.2.3 takes over ECMAScript's number form, which is what JSON.stringify writes (and -0 as 0).
      if (!Number.isFinite(value)) throw new EvidenceError(`JSON has no form for ${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
    default:
      throw new EvidenceError(`JSON has no form for a value of type ${typeof value}`);
  }
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new EvidenceError('a string has a lone surrogate');
  // Section 3.2.2.2 is ECMAScript's own escaping.
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], depth: number): string {
  // Array.from gives holes as undefined, which is then refused; map would skip them.
  return `[${Array.from(items, (item) => write(item, depth + 1)).join(',')}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new EvidenceError('an object is not a plain one: only its own fields would be written');
  }
  // Section 3.2.3: keys by UTF-16 code units, which is the order of sort() without a comparison.
  const keys = Object.keys(value).sort();
  const fields = value as Readonly<Record<string, unknown>>;
  return `{${keys.map((key) => `${writeString(key)}:${write(fields[key], depth + 1)}`).join(',')}}`;
}
