import { canonicalValue, type Fields, fieldsOf, textOf } from './canonical-text.ts';
import { base64, joined, Unproven, utf8 } from './proof-bytes.ts';

/** A DSSE envelope (V1 of the ledger's entries): what is signed, and by which keys, unverified. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: unknown;
  /** The pre-authentication encoding: what each signature is over. */
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  readonly signatures: readonly {
    /** Hex SHA-256 of the key's SPKI. */
    readonly keyId: string;
    readonly bytes: Uint8Array<ArrayBuffer>;
  }[];
}

/** What an entry says; read from the very bytes that are signed. */
export interface Statement {
  readonly type: string;
  readonly observedAtMs: number;
  readonly data: Fields;
}

/** Envelope and payload have to be canonical JSON. */
export function readEnvelope(text: string, what: string): Envelope {
  const whole = fieldsOf(canonicalValue(text, what), what);
  const payloadType = textOf(whole['payloadType'], `the type of ${what}`);
  const payload = base64(textOf(whole['payload'], `the payload of ${what}`), 'the payload');
  const lines = whole['signatures'];
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > 2) {
    throw new Unproven(`${what} has not one or two signatures`);
  }
  return {
    payloadType,
    payload: canonicalValue(new TextDecoder().decode(payload), `the payload of ${what}`),
    signedBytes: joined(
      utf8(`DSSEv1 ${utf8(payloadType).length} ${payloadType} ${payload.length} `),
      payload,
    ),
    signatures: lines.map((each) => {
      const line = fieldsOf(each, 'a signature');
      return {
        keyId: textOf(line['keyid'], 'a key id'),
        bytes: base64(textOf(line['sig'], 'a signature'), 'a signature'),
      };
    }),
  };
}

const entryType = 'application/vnd.in-toto+json';
const typeUri = /^https:\/\/tidegate\.dev\/evidence\/([a-z-]+)\/v1$/;

export function readStatement({ payloadType, payload }: Envelope): Statement {
  const whole = fieldsOf(payload, 'the statement');
  const predicate = fieldsOf(whole['predicate'], 'the predicate');
  const [, type = ''] = typeUri.exec(textOf(whole['predicateType'], 'the predicate type')) ?? [];
  if (payloadType !== entryType || type === '') throw new Unproven('it is no entry of a ledger');
  const observedAtMs = predicate['observedAtMs'];
  if (typeof observedAtMs !== 'number') throw new Unproven('the entry has no time');
  const data = predicate['data'];
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  return { type, observedAtMs, data: isObject ? (data as Fields) : {} };
}
