import { readBase64, readObject, readText } from './read-json.ts';
import { EvidenceError, canonicalJson } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { checkPersonEnvelope, readPersonEnvelope } from './approval/person-envelope.ts';
import { type PersonKeys, personKeysData, readPersonKeys } from './approval/person-keys.ts';
import { noteKey } from './note-key.ts';

export const LOG_KEYS_PAYLOAD_TYPE = 'application/vnd.tidegate.log-keys.v1+json';

/**
 * All that a ledger's writer signs with: made together, rotated together, valid together.
 *
 * An enrolment is an envelope with the public halves, signed with both of the pair, so that nobody enrols a key that is not there to
 * sign with. The checkpoint key signs checkpoints and nothing else, so it has no signature here.
 */
export interface LogKeys extends PersonKeys {
  /** ML-DSA-44, as the scheme encodes it: 1,312 bytes. */
  readonly checkpointKey: Uint8Array;
}

export function logKeysPayload(keys: LogKeys): Uint8Array {
  const checkpointKey = Buffer.from(keys.checkpointKey).toString('base64');
  return Buffer.from(canonicalJson({ checkpointKey, keys: personKeysData(keys) }));
}

/** Throws an EvidenceError unless the text is an enrolment signed by the very pair that it enrols. */
export function readLogKeys(text: string): LogKeys {
  const envelope = readPersonEnvelope(text);
  if (envelope.payloadType !== LOG_KEYS_PAYLOAD_TYPE) {
    throw new EvidenceError(`payloadType ${envelope.payloadType} is not that of a ledger's keys`);
  }
  const payload = readObject(envelope.payload, ['checkpointKey', 'keys'], "the ledger's keys");
  const pair = readPersonKeys(payload['keys']);
  checkPersonEnvelope(envelope, pair);
  const checkpointKey = readBase64(payload['checkpointKey'], 'checkpointKey');
  // Refused when it is no such key; the name is no part of it.
  noteKey('log', 'cosignature-ml-dsa-44', checkpointKey);
  return { ...pair, checkpointKey };
}

/**
 * Key events about a ledger's own keys as sets. `enrol-keys` gives the Ed25519 key in use its ML-DSA halves (as entry 0: enrols
 * it, too); `rotate-keys` ends what is in use with this entry, and the new set signs from the next one on.
 */
export type LogKeysEvent =
  | { readonly action: 'enrol-keys'; readonly enrolment: string }
  | {
      readonly action: 'rotate-keys';
      readonly enrolment: string;
      readonly by: string;
      readonly reason: string;
    };

export function logKeysEventData(event: LogKeysEvent): JsonObject {
  return { ...event };
}

/** Null: it is an event of another kind. Throws an EvidenceError when it is one of these and wrong. */
export function readLogKeysEvent(data: JsonValue): LogKeysEvent | null {
  const action =
    typeof data === 'object' && data !== null && 'action' in data ? data['action'] : null;
  if (action === 'enrol-keys') {
    const event = readObject(data, ['action', 'enrolment'], 'the key event');
    return { action, enrolment: readText(event['enrolment'], 'enrolment') };
  }
  if (action === 'rotate-keys') {
    const event = readObject(data, ['action', 'enrolment', 'by', 'reason'], 'the key event');
    return {
      action,
      enrolment: readText(event['enrolment'], 'enrolment'),
      by: readText(event['by'], 'by'),
      reason: readText(event['reason'], 'reason'),
    };
  }
  return null;
}
