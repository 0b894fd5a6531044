import { canonicalJson, EvidenceError, parseCanonicalJson } from '../canonical-json.ts';
import type { JsonValue } from '../canonical-json.ts';
import { preAuthenticationEncoding } from '../envelope.ts';
import { readArray, readBase64, readObject, readSha256, readText, readUtf8 } from '../read-json.ts';
import {
  checkPersonSignature,
  personAlgorithms,
  type PersonAlgorithm,
  type PersonKeys,
  signatureBytesOf,
} from './person-keys.ts';

/**
 * A DSSE envelope with the word of one person.
 *
 * P1 the envelope's text and its payload's text are each canonical JSON, byte for byte;
 * P2 there are exactly two signatures, Ed25519 then ML-DSA-65, both over the same bytes and both needed: never "the
 *    first valid of many" (TOB-SIGSTORE-9), never one of them alone;
 * P3 what is returned as the payload is read from the very bytes that were signed.
 */
export interface PersonEnvelope {
  readonly payloadType: string;
  readonly payload: JsonValue;
  readonly signedBytes: Uint8Array;
  readonly signatures: Readonly<Record<PersonAlgorithm, PersonSignature>>;
}

export interface PersonSignature {
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface PersonEnvelopeParts {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: Readonly<Record<PersonAlgorithm, PersonSignature>>;
}

export function personEnvelopeText({
  payloadType,
  payload,
  signatures,
}: PersonEnvelopeParts): string {
  return canonicalJson({
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: personAlgorithms.map((algorithm) => ({
      keyid: signatures[algorithm].keyId,
      sig: Buffer.from(signatures[algorithm].signature).toString('base64'),
    })),
  });
}

/** Throws an EvidenceError when the text is not such an envelope. The signatures are not checked here. */
export function readPersonEnvelope(text: string): PersonEnvelope {
  const keys = ['payload', 'payloadType', 'signatures'];
  const whole = readObject(parseCanonicalJson(text), keys, 'the envelope');
  const lines = readArray(whole['signatures'], 'signatures');
  if (lines.length !== personAlgorithms.length) {
    throw new EvidenceError(`it has ${lines.length} signatures instead of ed25519 and ml-dsa-65`);
  }
  const payloadType = readText(whole['payloadType'], 'payloadType');
  const payload = readBase64(whole['payload'], 'the payload');
  return {
    payloadType,
    payload: parseCanonicalJson(readUtf8(payload, 'the payload')),
    signedBytes: preAuthenticationEncoding(payloadType, payload),
    signatures: {
      ed25519: readSignature(lines[0], 'ed25519'),
      'ml-dsa-65': readSignature(lines[1], 'ml-dsa-65'),
    },
  };
}

/** Throws an EvidenceError unless both signatures are by these keys. */
export function checkPersonEnvelope(envelope: PersonEnvelope, keys: PersonKeys): void {
  const byAlgorithm = { ed25519: keys.ed25519, 'ml-dsa-65': keys.mlDsa65 };
  for (const algorithm of personAlgorithms) {
    const { keyId, signature } = envelope.signatures[algorithm];
    const key = byAlgorithm[algorithm];
    if (keyId !== key.keyId) {
      throw new EvidenceError(`the ${algorithm} signature names key ${keyId}, not ${key.keyId}`);
    }
    checkPersonSignature(algorithm, key, { signedBytes: envelope.signedBytes, signature });
  }
}

function readSignature(value: JsonValue | undefined, algorithm: PersonAlgorithm): PersonSignature {
  const line = readObject(value, ['keyid', 'sig'], `the ${algorithm} signature`);
  const signature = readBase64(line['sig'], `the ${algorithm} signature`);
  const wanted = signatureBytesOf(algorithm);
  if (signature.length !== wanted) {
    throw new EvidenceError(
      `the ${algorithm} signature has ${signature.length} bytes instead of ${wanted}`,
    );
  }
  return { keyId: readSha256(line['keyid'], 'the key id'), signature };
}
