import { canonicalJson, EvidenceError } from '../canonical-json.ts';
import type { JsonObject, JsonValue } from '../canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import { readArray, readCount, readObject, readSha256, readText } from '../read-json.ts';
import { readRole } from './person-enrolment.ts';
import { readPersonEnvelope, type PersonEnvelope } from './person-envelope.ts';

export const APPROVAL_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const APPROVAL_PREDICATE_TYPE = 'https://tidegate.dev/evidence/approval/v1';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** `approve` and `reject` answer a request; `withdraw` takes back what the same person said of it before. */
export type ApprovalVerdict = 'approve' | 'reject' | 'withdraw';

/**
 * What one person says of one request. It is bound to the digest of the request and to that of the policy, so it can't
 * be used for another release, nor when the rules have changed since.
 */
export interface Approval {
  readonly requestSha256: string;
  readonly policySha256: string;
  readonly verdict: ApprovalVerdict;
  /** In which the person speaks. */
  readonly role: string;
  /** Since the epoch; from then on it counts no more. */
  readonly expiresAtMs: number;
  readonly reason: string;
}

/** The in-toto Statement v1 that the person signs. Its subject is the request. */
export function approvalPayload(approval: Approval): Uint8Array {
  const { requestSha256, policySha256, verdict, role, expiresAtMs, reason } = approval;
  return Buffer.from(
    canonicalJson({
      _type: STATEMENT_TYPE,
      subject: [{ name: 'approval-request', digest: { sha256: requestSha256 } }],
      predicateType: APPROVAL_PREDICATE_TYPE,
      predicate: { policySha256, verdict, role, expiresAtMs, reason },
    }),
  );
}

/** Strict inverse of `approvalPayload` in an envelope; throws an EvidenceError. The signatures are not checked here. */
export function readApproval(text: string): SignedApproval {
  const envelope = readPersonEnvelope(text);
  if (envelope.payloadType !== APPROVAL_PAYLOAD_TYPE) {
    throw new EvidenceError(`payloadType ${envelope.payloadType} is not that of an approval`);
  }
  return { envelope, approval: readStatement(envelope.payload) };
}

export interface SignedApproval {
  readonly envelope: PersonEnvelope;
  readonly approval: Approval;
}

function readStatement(value: JsonValue): Approval {
  const keys = ['_type', 'subject', 'predicateType', 'predicate'];
  const whole = readObject(value, keys, 'the statement');
  if (whole['_type'] !== STATEMENT_TYPE || whole['predicateType'] !== APPROVAL_PREDICATE_TYPE) {
    throw new EvidenceError('the statement is not an approval');
  }
  const subjects = readArray(whole['subject'], 'subject');
  if (subjects.length !== 1) throw new EvidenceError('an approval has exactly one subject');
  const subject = readObject(subjects[0], ['name', 'digest'], 'the subject');
  if (subject['name'] !== 'approval-request') {
    throw new EvidenceError('the subject is not an approval request');
  }
  const digest = readObject(subject['digest'], ['sha256'], 'the digest');
  return { requestSha256: readSha256(digest['sha256'], 'sha256'), ...readPredicate(whole) };
}

function readPredicate(whole: JsonObject): Omit<Approval, 'requestSha256'> {
  const keys = ['policySha256', 'verdict', 'role', 'expiresAtMs', 'reason'];
  const predicate = readObject(whole['predicate'], keys, 'the predicate');
  return {
    policySha256: readSha256(predicate['policySha256'], 'policySha256'),
    verdict: readVerdict(predicate['verdict']),
    role: readRole(predicate['role']),
    expiresAtMs: readCount(predicate['expiresAtMs'], 'expiresAtMs'),
    reason: readText(predicate['reason'], 'reason'),
  };
}

function readVerdict(value: JsonValue | undefined): ApprovalVerdict {
  const verdict = readText(value, 'verdict');
  if (verdict !== 'approve' && verdict !== 'reject' && verdict !== 'withdraw') {
    throw new EvidenceError(`'${verdict.slice(0, 40)}' is no verdict: approve, reject or withdraw`);
  }
  return verdict;
}

/** Who has to approve; part of a service's file. */
export interface ApprovalPolicy {
  /** Each with at least one person; a person counts for one of them only. */
  readonly rules: readonly RoleRule[];
  /** How long an approval may be made to count. */
  readonly validForMs: number;
}

export interface RoleRule {
  readonly role: string;
  /** At least 1. */
  readonly count: number;
}

/** Lower-case hex SHA-256 of the policy's canonical JSON. */
export function approvalPolicySha256({ rules, validForMs }: ApprovalPolicy): string {
  const plain = rules.map(({ role, count }) => ({ role, count }));
  return sha256Hex(canonicalJson({ rules: plain, validForMs }));
}

/** What is to be approved, as an entry's data says it; the digest of that data is what approvals are bound to. */
export function requestSha256(data: JsonValue): string {
  return sha256Hex(canonicalJson(data));
}
