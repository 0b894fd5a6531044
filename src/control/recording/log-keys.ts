import { personEnvelopeText } from '../../domain/evidence/approval/person-envelope.ts';
import { publicKeyOf } from '../../domain/evidence/approval/person-keys.ts';
import type { JsonObject } from '../../domain/evidence/canonical-json.ts';
import { preAuthenticationEncoding } from '../../domain/evidence/envelope.ts';
import { enrolKeyData } from '../../domain/evidence/key-directory.ts';
import {
  LOG_KEYS_PAYLOAD_TYPE,
  logKeysEventData,
  logKeysPayload,
} from '../../domain/evidence/log-keys.ts';
import type { PostQuantumKeys, Signer } from '../../ports/identity.ts';
import type { RecordBatch } from './recorder-draft.ts';

type KeyBatch = Omit<RecordBatch, 'stream'>;

/** The entry by which a ledger gets to know its writer's keys. */
export async function enrolSigner(signer: Signer, signal: AbortSignal): Promise<KeyBatch> {
  const { keyId, publicKey, postQuantum } = signer;
  if (postQuantum === undefined) {
    return batchOf(keyId, `enrol/${keyId}`, enrolKeyData(keyId, publicKey));
  }
  const enrolment = await enrolmentOf(signer, postQuantum, signal);
  const data = logKeysEventData({ action: 'enrol-keys', enrolment });
  return batchOf(keyId, `enrol-keys/${keyId}`, data);
}

/** The entry that ends the keys in use and brings the next ones. */
export async function rotateTo(
  next: Signer,
  why: { readonly by: string; readonly reason: string },
  signal: AbortSignal,
): Promise<KeyBatch> {
  const { keyId, postQuantum } = next;
  if (postQuantum === undefined) throw new Error('a ledger is rotated to a whole set of keys');
  const enrolment = await enrolmentOf(next, postQuantum, signal);
  const data = logKeysEventData({ action: 'rotate-keys', enrolment, ...why });
  return batchOf(keyId, `rotate-keys/${keyId}`, data);
}

function batchOf(keyId: string, idempotencyKey: string, data: JsonObject): KeyBatch {
  const subjects = [{ name: 'ledger-key', sha256: keyId }];
  return { entries: [{ type: 'key-event', subjects, idempotencyKey, data }], blobs: [] };
}

/** The public halves, signed with both of the pair. */
async function enrolmentOf(
  signer: Signer,
  postQuantum: PostQuantumKeys,
  signal: AbortSignal,
): Promise<string> {
  const payload = logKeysPayload({
    ed25519: publicKeyOf(signer.publicKey),
    mlDsa65: publicKeyOf(postQuantum.publicKey),
    checkpointKey: postQuantum.checkpointKey,
  });
  const bytes = preAuthenticationEncoding(LOG_KEYS_PAYLOAD_TYPE, payload);
  return personEnvelopeText({
    payloadType: LOG_KEYS_PAYLOAD_TYPE,
    payload,
    signatures: {
      ed25519: { keyId: signer.keyId, signature: await signer.sign(bytes, signal) },
      'ml-dsa-65': { keyId: postQuantum.keyId, signature: await postQuantum.sign(bytes, signal) },
    },
  });
}
