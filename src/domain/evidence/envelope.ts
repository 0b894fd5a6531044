import { canonicalJson, EvidenceError, parseCanonicalJson } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { signatureBytesOf } from './approval/person-keys.ts';
import { readArray, readBase64, readObject, readSha256, readText, readUtf8 } from './read-json.ts';

/**
 * DSSE 1.0 envelopes in their strictest form.
 *
 * V1 the envelope's text and its payload's text are each canonical JSON, byte for byte;
 * V2 there is one signature by Ed25519, or that one and a second by ML-DSA-65 of the same principal, in this order. Which of
 *    the two forms an entry has to have is no choice of its writer (key-directory.ts), and never is one of two signatures
 *    enough: there "first valid of many" confusions live (Trail of Bits, TOB-SIGSTORE-9);
 * V3 the value given to the caller is read from the very bytes that were signed;
 * V4 the key id is a hint for finding the key and proves nothing.
 */
export interface Envelope {
  readonly payloadType: string;
  /** The payload's value, read from the signed bytes. */
  readonly payload: JsonValue;
  /** Hex SHA-256 of the signer's SPKI. */
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** By ML-DSA-65 over the same bytes; null: there is none. */
  readonly second: SecondSignature | null;
  /** The pre-authentication encoding: what the signatures are over. */
  readonly signedBytes: Uint8Array;
}

/** The ML-DSA-65 half (FIPS 204) of a pair of keys: 3,309 bytes. */
export interface SecondSignature {
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export const SIGNATURE_BYTES = 64;

export interface EnvelopeParts {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly second?: SecondSignature | null;
}

/** "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload; lengths in bytes, decimal (DSSE protocol.md). */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(encodingHead(payloadType, payload.length)), payload]);
}

/** As `preAuthenticationEncoding`, of a text; the payload's own bytes stand at its end. */
export function encodedText(
  payloadType: string,
  text: string,
): { readonly signedBytes: Uint8Array; readonly payload: Uint8Array } {
  const sizeBytes = Buffer.byteLength(text);
  const signedBytes = Buffer.from(encodingHead(payloadType, sizeBytes) + text);
  return { signedBytes, payload: signedBytes.subarray(signedBytes.length - sizeBytes) };
}

function encodingHead(payloadType: string, payloadBytes: number): string {
  return `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payloadBytes} `;
}

/** Canonical as it stands: the keys are in order, and base64 is the same text in JSON. */
export function envelopeText(parts: EnvelopeParts): string {
  const { payload, payloadType, second = null } = parts;
  const signatures = [parts, ...(second === null ? [] : [second])].map(signatureText);
  return (
    `{"payload":"${base64Of(payload)}","payloadType":${canonicalJson(payloadType)},` +
    `"signatures":[${signatures.join(',')}]}`
  );
}

function signatureText({ keyId, signature }: SecondSignature): string {
  return `{"keyid":${canonicalJson(keyId)},"sig":"${base64Of(signature)}"}`;
}

function base64Of({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('base64');
}

/** Throws an EvidenceError when the text is not such an envelope. The signatures are not checked here. */
export function readEnvelope(text: string): Envelope {
  const whole = readObject(
    parseCanonicalJson(text),
    ['payload', 'payloadType', 'signatures'],
    'the envelope',
  );
  const signatures = readArray(whole['signatures'], 'signatures');
  const [first, second, more] = signatures;
  if (first === undefined || more !== undefined) {
    throw new EvidenceError(
      `it has ${signatures.length} signatures instead of exactly one, or an Ed25519 and an ML-DSA-65 one`,
    );
  }
  const { keyId, signature } = readSignature(first, 'ed25519');
  const payloadType = readText(whole['payloadType'], 'payloadType');
  const payload = readBase64(whole['payload'], 'the payload');
  return {
    payloadType,
    payload: parseCanonicalJson(readUtf8(payload, 'the payload')),
    keyId,
    signature,
    second: second === undefined ? null : readSignature(second, 'ml-dsa-65'),
    signedBytes: preAuthenticationEncoding(payloadType, payload),
  };
}

function readSignature(value: JsonValue, algorithm: 'ed25519' | 'ml-dsa-65'): SecondSignature {
  const what = algorithm === 'ed25519' ? 'the signature' : 'the second signature';
  const line = readObject(value, ['keyid', 'sig'], what);
  const signature = readBase64(line['sig'], what);
  checkSignatureLength(signature, what, signatureBytesOf(algorithm));
  return { keyId: readSha256(line['keyid'], 'the key id'), signature };
}

/**
 * As `readEnvelope`, from bytes: nearly all envelopes are of exactly this form, which is read without parsing it as JSON. The
 * form fixes every byte between the four values, and each value has one spelling, so what it takes is canonical (V1).
 */
export function readEnvelopeBytes(bytes: Uint8Array): Envelope {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const payloadEnd = text.indexOf('"', PAYLOAD_START.length);
  const typeEnd = text.indexOf('"', payloadEnd + TYPE_START.length);
  const keyStart = typeEnd + KEY_START.length;
  const signatureStart = keyStart + KEY_ID_LENGTH + SIGNATURE_START.length;
  const isOfForm =
    text.startsWith(PAYLOAD_START) &&
    text.startsWith(TYPE_START, payloadEnd) &&
    text.startsWith(KEY_START, typeEnd) &&
    text.startsWith(SIGNATURE_START, keyStart + KEY_ID_LENGTH) &&
    text.endsWith(END) &&
    text.indexOf('"', signatureStart) === text.length - END.length;
  const payloadType = text.slice(payloadEnd + TYPE_START.length, typeEnd);
  if (!isOfForm || !/^[\w+./-]+$/.test(payloadType))
    return readEnvelope(readUtf8(bytes, 'the entry'));
  const payload = readBase64(text.slice(PAYLOAD_START.length, payloadEnd), 'the payload');
  const signature = readBase64(text.slice(signatureStart, -END.length), 'the signature');
  checkSignatureLength(signature, 'the signature', SIGNATURE_BYTES);
  return {
    payloadType,
    payload: parseCanonicalJson(readUtf8(payload, 'the payload')),
    keyId: readSha256(text.slice(keyStart, keyStart + KEY_ID_LENGTH), 'the key id'),
    signature,
    second: null,
    signedBytes: preAuthenticationEncoding(payloadType, payload),
  };
}

const PAYLOAD_START = '{"payload":"';
const TYPE_START = '","payloadType":"';
const KEY_START = '","signatures":[{"keyid":"';
const SIGNATURE_START = '","sig":"';
const END = '"}]}';
const KEY_ID_LENGTH = 64;

function checkSignatureLength(signature: Uint8Array, what: string, wanted: number): void {
  if (signature.length === wanted) return;
  throw new EvidenceError(`${what} has ${signature.length} bytes instead of ${wanted}`);
}
