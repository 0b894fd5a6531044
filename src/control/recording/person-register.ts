import {
  type PersonEvent,
  personEventData,
  readEnrolment,
} from '../../domain/evidence/approval/person-enrolment.ts';
import type { EnrolledPerson } from '../../domain/evidence/approval/person-directory.ts';
import { canonicalJson, EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import type { Recorder } from './recorder.ts';
import { KEY_STREAM } from './wanted-signer.ts';
import { RecorderError } from './recorder-index.ts';

export type PersonChanged =
  | { readonly kind: 'recorded'; readonly index: number; readonly sentence: string }
  | { readonly kind: 'refused'; readonly because: string };

/** Who is known, before the next entry. */
export function peopleOf(recorder: Pick<Recorder, 'keys' | 'size'>): readonly EnrolledPerson[] {
  return recorder.keys.people.peopleAt(recorder.size);
}

/** Enrols somebody, gives roles, or revokes a pair of keys: each is an entry, in force from the next one on. */
export async function changePeople(
  recorder: Pick<Recorder, 'record' | 'keys' | 'size'>,
  event: PersonEvent,
  signal: AbortSignal,
): Promise<PersonChanged> {
  try {
    const data = personEventData(event);
    recorder.keys.check(data);
    const entry = {
      type: 'key-event' as const,
      subjects: [{ name: subjectOf(event), sha256: sha256Hex(canonicalJson(data)) }],
      // The same change may be made again later, after another: not so the same one twice in a row.
      idempotencyKey: `${sha256Hex(canonicalJson(data))}/${recorder.size}`,
      data,
    };
    const batch = { stream: KEY_STREAM, entries: [entry], blobs: [] };
    const [place] = await recorder.record(batch, signal);
    return { kind: 'recorded', index: place?.index ?? -1, sentence: sentenceOf(event) };
  } catch (error) {
    if (error instanceof EvidenceError) return { kind: 'refused', because: error.message };
    const isRefused = error instanceof RecorderError && error.code === 'invalid-entry';
    if (isRefused) return { kind: 'refused', because: error.message };
    throw error;
  }
}

function sentenceOf(event: PersonEvent): string {
  switch (event.action) {
    case 'enrol-person': {
      const { person, keys } = readEnrolment(event.enrolment);
      return `${person} is enrolled with key ${keys.ed25519.keyId}, ${rolesText(event.roles)}`;
    }
    case 'assign-roles':
      return `${event.person} has ${rolesText(event.roles)} from the next entry on`;
    case 'revoke-person':
      return `key ${event.keyId} is revoked: ${event.reason}`;
  }
}

function subjectOf(event: PersonEvent): string {
  if (event.action === 'enrol-person') return `person/${readEnrolment(event.enrolment).person}`;
  return event.action === 'assign-roles' ? `person/${event.person}` : `key/${event.keyId}`;
}

function rolesText(roles: readonly string[]): string {
  return roles.length === 0
    ? 'no role'
    : `${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')}`;
}
