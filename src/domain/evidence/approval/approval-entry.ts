import type { JsonObject, JsonValue } from '../canonical-json.ts';
import { readObject, readText } from '../read-json.ts';
import { type Approval, readApproval } from './approval.ts';
import type { PersonDirectory } from './person-directory.ts';

/**
 * An approval in the log. The entry around it is the machine's, as all entries are (it says: this was received, here); inside
 * is the person's own envelope, byte for byte, which nobody but the person could make. The person can't sign the entry itself:
 * its place in the log is not known before it is written.
 */
export function approvalEntryData(envelope: string): JsonObject {
  return { envelope };
}

export interface ApprovalEntry {
  readonly person: string;
  /** Of the Ed25519 half of the pair. */
  readonly keyId: string;
  readonly approval: Approval;
}

/** Throws an EvidenceError unless the entry holds what a person may say and sign at `index`. */
export function checkApprovalEntry(
  index: number,
  data: JsonValue,
  people: PersonDirectory,
): ApprovalEntry {
  const { envelope, approval } = readApproval(approvalEnvelopeOf(data));
  const person = people.signerOf(envelope, index);
  return { person, keyId: envelope.signatures.ed25519.keyId, approval };
}

/** The person's envelope in an approval entry; throws an EvidenceError. */
export function approvalEnvelopeOf(data: JsonValue): string {
  return readText(readObject(data, ['envelope'], 'the approval entry')['envelope'], 'envelope');
}
