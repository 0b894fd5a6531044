import { canonicalJson, EvidenceError } from '../canonical-json.ts';
import type { JsonObject, JsonValue } from '../canonical-json.ts';
import { readArray, readObject, readText } from '../read-json.ts';
import { checkPersonEnvelope, readPersonEnvelope } from './person-envelope.ts';
import { type PersonKeys, personKeysData, readPersonKeys } from './person-keys.ts';

export const ENROLMENT_PAYLOAD_TYPE = 'application/vnd.tidegate.person-enrolment.v1+json';

/** What a person hands over to be enrolled: public keys, signed with themselves, so that nobody enrols another's key. */
export interface PersonEnrolment {
  /** A name to tell people apart by. An entry cannot be erased: where that matters it is a pseudonym. */
  readonly person: string;
  readonly keys: PersonKeys;
}

export function enrolmentPayload({ person, keys }: PersonEnrolment): Uint8Array {
  return Buffer.from(canonicalJson({ keys: personKeysData(keys), person }));
}

/** Throws an EvidenceError unless the text is an enrolment signed by the very keys that it enrols. */
export function readEnrolment(text: string): PersonEnrolment {
  const envelope = readPersonEnvelope(text);
  if (envelope.payloadType !== ENROLMENT_PAYLOAD_TYPE) {
    throw new EvidenceError(`payloadType ${envelope.payloadType} is not that of an enrolment`);
  }
  const payload = readObject(envelope.payload, ['keys', 'person'], 'the enrolment');
  const keys = readPersonKeys(payload['keys']);
  checkPersonEnvelope(envelope, keys);
  return { person: readPersonName(payload['person']), keys };
}

/** Key events about people, as an entry's data; `by` is whose hand it was. Those about machines are in key-directory.ts. */
export type PersonEvent = { readonly by: string } & (
  | {
      readonly action: 'enrol-person';
      readonly enrolment: string;
      readonly roles: readonly string[];
    }
  | { readonly action: 'assign-roles'; readonly person: string; readonly roles: readonly string[] }
  | { readonly action: 'revoke-person'; readonly keyId: string; readonly reason: string }
);

export function personEventData(event: PersonEvent): JsonObject {
  return { ...event };
}

export function isPersonEvent(data: JsonValue): boolean {
  const action =
    typeof data === 'object' && data !== null && 'action' in data ? data['action'] : null;
  return action === 'enrol-person' || action === 'assign-roles' || action === 'revoke-person';
}

/** Strict inverse of `personEventData`; throws an EvidenceError. The enrolment is not checked here. */
export function readPersonEvent(data: JsonValue): PersonEvent {
  const fieldsOf = (...keys: readonly string[]) =>
    readObject(data, ['action', 'by', ...keys], 'the key event');
  const { action } = readLoose(data);
  if (action === 'enrol-person') {
    const event = fieldsOf('enrolment', 'roles');
    const enrolment = readText(event['enrolment'], 'enrolment');
    return { action, enrolment, roles: readRoles(event['roles']), by: readText(event['by'], 'by') };
  }
  if (action === 'assign-roles') {
    const event = fieldsOf('person', 'roles');
    const person = readPersonName(event['person']);
    return { action, person, roles: readRoles(event['roles']), by: readText(event['by'], 'by') };
  }
  if (action === 'revoke-person') {
    const event = fieldsOf('keyId', 'reason');
    const keyId = readText(event['keyId'], 'keyId');
    const by = readText(event['by'], 'by');
    return { action, keyId, reason: readText(event['reason'], 'reason'), by };
  }
  throw new EvidenceError('the key event is not about a person');
}

function readLoose(data: JsonValue): { readonly action: JsonValue | undefined } {
  return {
    action:
      typeof data === 'object' && data !== null && 'action' in data ? data['action'] : undefined,
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?$/;

/** 1 to 64 of a-z, 0-9, `.`, `_`, `@` and `-`: one spelling, so that two entries mean one person. */
export function readPersonName(value: JsonValue | undefined): string {
  const name = readText(value, 'person');
  if (!namePattern.test(name)) {
    throw new EvidenceError(
      `'${name.slice(0, 70)}' is no name of a person: 1 to 64 of a-z, 0-9, '.', '_', '@', '-'`,
    );
  }
  return name;
}

const rolesMax = 16;

function readRoles(value: JsonValue | undefined): readonly string[] {
  const roles = readArray(value, 'roles').map(readRole);
  if (roles.length > rolesMax) throw new EvidenceError(`more than ${rolesMax} roles`);
  if (new Set(roles).size < roles.length) throw new EvidenceError('a role stands there twice');
  return roles;
}

export function readRole(value: JsonValue | undefined): string {
  const role = readText(value, 'a role');
  if (!/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(role)) {
    throw new EvidenceError(
      `'${role.slice(0, 70)}' is no role: a-z, 0-9 and '-', from a letter on`,
    );
  }
  return role;
}
