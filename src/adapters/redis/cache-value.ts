import type { Field } from '../../domain/cache/http-fields.ts';
import type { ReuseTerms, StoredAnswer } from '../../domain/cache/stored-answer.ts';

/**
 * A stored answer as octets: `TGC1`, the lengths of head and body as 32-bit numbers (big-endian), the head as JSON, the body. The head
 * names its keys, so that an answer that lies in another's place is not taken for it.
 */
const magic = Buffer.from('TGC1', 'latin1');
const prefixBytes = 12;
/** A head is at most that of an answer, with the keys. */
const headBytesMax = 256 * 1024;

export interface ValueKeys {
  readonly primary: string;
  readonly secondary: string;
}

export function cacheValue(keys: ValueKeys, { body, ...head }: StoredAnswer): Buffer {
  const text = Buffer.from(JSON.stringify({ ...keys, ...head }), 'utf8');
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix.writeUInt32BE(text.length, 4);
  prefix.writeUInt32BE(body.byteLength, 8);
  return Buffer.concat([prefix, text, body]);
}

/** Null: it is not what `cacheValue` makes of an answer with these keys. */
export function parseCacheValue(keys: ValueKeys, bytes: Uint8Array): StoredAnswer | null {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (value.length < prefixBytes || !value.subarray(0, 4).equals(magic)) return null;
  const headBytes = value.readUInt32BE(4);
  const bodyBytes = value.readUInt32BE(8);
  if (headBytes > headBytesMax || value.length !== prefixBytes + headBytes + bodyBytes) return null;
  const head = headOf(value.toString('utf8', prefixBytes, prefixBytes + headBytes), keys);
  if (head === null) return null;
  // A copy: the octets belong to whoever read them.
  return { ...head, body: Buffer.from(value.subarray(prefixBytes + headBytes)) };
}

function headOf(json: string, keys: ValueKeys): Omit<StoredAnswer, 'body'> | null {
  let head: unknown;
  try {
    head = JSON.parse(json);
  } catch {
    // Not ours: as nothing (port).
    return null;
  }
  if (!isRecord(head) || head['primary'] !== keys.primary || head['secondary'] !== keys.secondary)
    return null;
  const { status, fields, requestAtMs, vary, tags } = head;
  const terms = termsOf(head['terms']);
  if (terms === null || !isCount(status) || !isCount(requestAtMs)) return null;
  if (!isFields(fields) || !isTexts(vary) || !isTexts(tags)) return null;
  return status >= 200 && status <= 599 ? { status, fields, requestAtMs, terms, vary, tags } : null;
}

function termsOf(value: unknown): ReuseTerms | null {
  if (!isRecord(value)) return null;
  const { responseAtMs, initialAgeMs, lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs } = value;
  const { alwaysValidates, neverStale } = value;
  if (!isCount(responseAtMs) || !isCount(initialAgeMs) || !isCount(lifetimeMs)) return null;
  if (!isCount(staleWhileRevalidateMs) || !isCount(staleIfErrorMs)) return null;
  if (typeof alwaysValidates !== 'boolean' || typeof neverStale !== 'boolean') return null;
  const durations = { responseAtMs, initialAgeMs, lifetimeMs, staleWhileRevalidateMs };
  return { ...durations, staleIfErrorMs, alwaysValidates, neverStale };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a field's value may hold (RFC 9110 section 5.5), in Latin-1: it is written to callers as it is. */
const plain = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

function isFields(value: unknown): value is readonly Field[] {
  return (
    Array.isArray(value) &&
    value.every(
      (each: unknown) =>
        isTexts(each) &&
        each.length === 2 &&
        token.test(each[0] ?? '') &&
        plain.test(each[1] ?? '\n'),
    )
  );
}
