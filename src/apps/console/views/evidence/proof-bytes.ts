/** Bytes, hashes and signatures as a browser has them: WebCrypto, and for ML-DSA a library that is fetched when it is needed. */

export type Algorithm = 'ed25519' | 'ml-dsa-44' | 'ml-dsa-65';

/** What cannot be read, or is not as it has to be; the message says what, for people. */
export class Unproven extends Error {
  override readonly name = 'Unproven';
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Standard base64 with its padding and nothing else: one text for the same bytes. */
export function base64(text: string, what: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new Unproven(`${what} is not base64`);
  }
  if (btoa(binary) !== text) throw new Unproven(`${what} is not base64 as it is written`);
  return Uint8Array.from(binary, (each) => each.charCodeAt(0));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function uint64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await subtle().digest('SHA-256', bytes));
}

/** SHA-256(0x00 || leaf), RFC 6962 section 2.1. */
export function leafHash(leaf: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(joined(Uint8Array.of(0), leaf));
}

/** SHA-256(0x01 || left || right), RFC 6962 section 2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(joined(Uint8Array.of(1), left, right));
}

/** `key` as the scheme encodes it: 32, 1,312 or 1,952 bytes. */
export async function isSigned(
  algorithm: Algorithm,
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    if (algorithm === 'ed25519') {
      const imported = await subtle().importKey('raw', key, 'Ed25519', false, ['verify']);
      return await subtle().verify('Ed25519', imported, signature, message);
    }
    const { ml_dsa44, ml_dsa65 } = await import('@noble/post-quantum/ml-dsa.js');
    const scheme = algorithm === 'ml-dsa-44' ? ml_dsa44 : ml_dsa65;
    return scheme.verify(signature, message, key);
  } catch (error) {
    if (error instanceof Unproven) throw error;
    // A key or a signature of the wrong length: whatever it is, it is not this key's signature.
    return false;
  }
}

/** DER of a SubjectPublicKeyInfo up to the key's own bytes (RFC 8410 section 4, RFC 9881 section 4). */
const spkiPrefixes: Readonly<Record<'ed25519' | 'ml-dsa-65', string>> = {
  ed25519: '302a300506032b6570032100',
  'ml-dsa-65': '308207b2300b0609608648016503040312038207a100',
};

export function rawKeyOf(
  algorithm: 'ed25519' | 'ml-dsa-65',
  spki: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const prefix = spkiPrefixes[algorithm];
  const length = prefix.length / 2;
  const keyBytes = algorithm === 'ed25519' ? 32 : 1952;
  if (hex(spki.subarray(0, length)) !== prefix || spki.length !== length + keyBytes) {
    throw new Unproven(`the key is not the SPKI of an ${algorithm} key`);
  }
  return spki.slice(length);
}

function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (found !== undefined) return found;
  throw new Unproven(
    'this browser verifies nothing on a page that came over plain http from another machine: use https, or tidegate-verify',
  );
}
