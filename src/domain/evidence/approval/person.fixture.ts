import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { preAuthenticationEncoding } from '../envelope.ts';
import { type Approval, APPROVAL_PAYLOAD_TYPE, approvalPayload } from './approval.ts';
import { ENROLMENT_PAYLOAD_TYPE, enrolmentPayload } from './person-enrolment.ts';
import { personEnvelopeText } from './person-envelope.ts';
import { type PersonKeys, publicKeyOf } from './person-keys.ts';

export interface TestPerson {
  readonly name: string;
  readonly keys: PersonKeys;
  readonly privateKeys: { readonly ed25519: KeyObject; readonly mlDsa65: KeyObject };
}

export function person(name: string): TestPerson {
  const ed25519 = generateKeyPairSync('ed25519');
  const mlDsa65 = generateKeyPairSync('ml-dsa-65');
  const spki = (key: KeyObject) => publicKeyOf(key.export({ type: 'spki', format: 'der' }));
  return {
    name,
    keys: { ed25519: spki(ed25519.publicKey), mlDsa65: spki(mlDsa65.publicKey) },
    privateKeys: { ed25519: ed25519.privateKey, mlDsa65: mlDsa65.privateKey },
  };
}

/** Signs with the keys of `by`, and names them. */
export function sealed(by: TestPerson, payload: Uint8Array, payloadType: string): string {
  const bytes = preAuthenticationEncoding(payloadType, payload);
  const { keys, privateKeys } = by;
  return personEnvelopeText({
    payloadType,
    payload,
    signatures: {
      ed25519: { keyId: keys.ed25519.keyId, signature: sign(null, bytes, privateKeys.ed25519) },
      'ml-dsa-65': { keyId: keys.mlDsa65.keyId, signature: sign(null, bytes, privateKeys.mlDsa65) },
    },
  });
}

export function enrolmentOf(by: TestPerson, name = by.name): string {
  return sealed(by, enrolmentPayload({ person: name, keys: by.keys }), ENROLMENT_PAYLOAD_TYPE);
}

export function approvalBy(by: TestPerson, approval: Approval): string {
  return sealed(by, approvalPayload(approval), APPROVAL_PAYLOAD_TYPE);
}
