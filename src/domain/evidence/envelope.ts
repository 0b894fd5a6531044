import { canonicalJson, EvidenceError, parseCanonicalJson } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { readArray, readBase64, readObject, readSha256, readText, readUtf8 } from './read-json.ts';

/**
 * DSSE 1.0 envelopes in their strictest form.
 *
 * V1 the envelope's text and its payload's text are each canonical JSON, byte for byte;
 * V2 there is exactly one signature: an entry is the word of one principal, and a second signature is where
 *    "first valid of many" confusions live (Trail of Bits, TOB-SIGSTORE-9);
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
  /** The pre-authentication encoding: what the signature is over. */
  readonly signedBytes: Uint8Array;
}

export const SIGNATURE_BYTES = 64;

export interface EnvelopeParts {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload; lengths in bytes, decimal (DSSE protocol.md). */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const typeBytes = Buffer.byteLength(payloadType);
  const head = `DSSEv1 ${typeBytes} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

export function envelopeText(parts: EnvelopeParts): string {
  return canonicalJson({
    payload: Buffer.from(parts.payload).toString('base64'),
    payloadType: parts.payloadType,
    signatures: [{ keyid: parts.keyId, sig: Buffer.from(parts.signature).toString('base64') }],
  });
}

/** Throws an EvidenceError when the text is not such an envelope. The signature is not checked here. */
export function readEnvelope(text: string): Envelope {
  const whole = readObject(
    parseCanonicalJson(text),
    ['payload', 'payloadType', 'signatures'],
    'the envelope',
  );
  const signatures = readArray(whole['signatures'], 'signatures');
  if (signatures.length !== 1) {
    throw new EvidenceError(`it has ${signatures.length} signatures instead of exactly one`);
  }
  const line = readObject(signatures[0], ['keyid', 'sig'], 'the signature');
  const signature = readBase64(line['sig'], 'the signature');
  checkSignatureLength(signature);
  const payloadType = readText(whole['payloadType'], 'payloadType');
  const payload = readBase64(whole['payload'], 'the payload');
  return {
    payloadType,
    payload: parseCanonicalJson(readUtf8(payload, 'the payload')),
    keyId: readSha256(line['keyid'], 'the key id'),
    signature,
    signedBytes: preAuthenticationEncoding(payloadType, payload),
  };
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
  checkSignatureLength(signature);
  return {
    payloadType,
    payload: parseCanonicalJson(readUtf8(payload, 'the payload')),
    keyId: readSha256(text.slice(keyStart, keyStart + KEY_ID_LENGTH), 'the key id'),
    signature,
    signedBytes: preAuthenticationEncoding(payloadType, payload),
  };
}

const PAYLOAD_START = '{"payload":"';
const TYPE_START = '","payloadType":"';
const KEY_START = '","signatures":[{"keyid":"';
const SIGNATURE_START = '","sig":"';
const END = '"}]}';
const KEY_ID_LENGTH = 64;

function checkSignatureLength(signature: Uint8Array): void {
  if (signature.length === SIGNATURE_BYTES) return;
  throw new EvidenceError(
    `the signature has ${signature.length} bytes instead of ${SIGNATURE_BYTES}`,
  );
}
