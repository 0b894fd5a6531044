import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { isSha256Hex } from './digest.ts';

/** An object with exactly these keys: one more or one less is refused, so that nothing unread is ever signed for. */
export function readObject(
  value: JsonValue | undefined,
  keys: readonly string[],
  what: string,
): JsonObject {
  if (typeof value !== 'object' || value === null || isArray(value)) {
    throw new EvidenceError(`${what} is not an object`);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new EvidenceError(`${what} has an unknown key ${unknown}`);
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw new EvidenceError(`${what} lacks ${missing}`);
  return value;
}

export function readArray(value: JsonValue | undefined, what: string): readonly JsonValue[] {
  if (!isArray(value)) throw new EvidenceError(`${what} is not an array`);
  return value;
}

export function readText(value: JsonValue | undefined, what: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new EvidenceError(`${what} is not a text of at least one character`);
  }
  return value;
}

export function readSha256(value: JsonValue | undefined, what: string): string {
  if (!isSha256Hex(value)) throw new EvidenceError(`${what} is not a lower-case hex SHA-256`);
  return value;
}

export function readCount(value: JsonValue | undefined, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new EvidenceError(`${what} is not a whole number >= 0`);
  }
  return value;
}

/** Strict base64 (RFC 4648 section 4): padding required, no white space, unused bits zero, so one text per bytes. */
export function readBase64(value: JsonValue | undefined, what: string): Uint8Array {
  if (typeof value !== 'string') throw new EvidenceError(`${what} is not a text`);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw new EvidenceError(`${what} is not strict base64`);
  return bytes;
}

/** ignoreBOM keeps a byte order mark in the text, where it is then refused, instead of hiding it. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readUtf8(bytes: Uint8Array, what: string): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch (error) {
    throw new EvidenceError(`${what} is not UTF-8`, { cause: error });
  }
}

function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
