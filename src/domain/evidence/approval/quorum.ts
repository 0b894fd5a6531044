import type { Approval, ApprovalPolicy, RoleRule } from './approval.ts';
import type { PersonDirectory } from './person-directory.ts';

/** An approval as it stands in the log: whose word it is was found by its signatures, never by a name in it. */
export interface RecordedApproval {
  readonly index: number;
  readonly person: string;
  /** Of the Ed25519 half of the pair that it was signed with. */
  readonly keyId: string;
  /** Of the entry. */
  readonly observedAtMs: number;
  readonly approval: Approval;
}

export interface QuorumQuestion {
  readonly policy: ApprovalPolicy;
  readonly policySha256: string;
  readonly requestSha256: string;
  /** Index of the request. */
  readonly requestIndex: number;
  /** Who asks for the release, and so may not approve it; null: nobody known by name, as a machine. */
  readonly author: string | null;
  /** Of the request, in the order of the log. Others are told in `refused`. */
  readonly approvals: readonly RecordedApproval[];
  readonly directory: PersonDirectory;
  /** Where the decision would stand: what a person may do is asked there, too. */
  readonly atIndex: number;
  readonly atMs: number;
}

export type Quorum =
  | {
      readonly kind: 'met';
      readonly indexes: readonly number[];
      readonly refused: readonly RefusedApproval[];
    }
  | {
      readonly kind: 'open';
      readonly missing: readonly RoleRule[];
      readonly refused: readonly RefusedApproval[];
    }
  | {
      readonly kind: 'rejected';
      readonly index: number;
      readonly person: string;
      readonly refused: readonly RefusedApproval[];
    };

/** Recorded, but not counted. */
export interface RefusedApproval {
  readonly index: number;
  readonly person: string;
  readonly why: string;
}

/**
 * Whether enough distinct people have approved a request. Pure, so an auditor gets the same answer from the same entries.
 *
 * Q1 a person counts once, for one role, however many keys or approvals; the person's last word is the one that counts;
 * Q2 the author does not count, in any role;
 * Q3 an approval counts for the request and the policy whose digests it was signed over, until it expires, and if it was
 *    recorded after the request;
 * Q4 the role must be held and the key be valid both where the approval stands and where the decision would stand;
 * Q5 one rejection by somebody whose approval would count is enough; it can be withdrawn.
 */
export function quorumOf(question: QuorumQuestion): Quorum {
  const refused: RefusedApproval[] = [];
  const last = new Map<string, RecordedApproval>();
  for (const each of question.approvals) {
    const why = whyRefused(each, question);
    if (why !== null) refused.push({ index: each.index, person: each.person, why });
    else if (each.approval.verdict === 'withdraw') last.delete(each.person);
    else last.set(each.person, each);
  }
  const counted = [...last.values()];
  const rejection = counted.find(({ approval }) => approval.verdict === 'reject');
  if (rejection !== undefined) {
    return { kind: 'rejected', index: rejection.index, person: rejection.person, refused };
  }
  const missing = missingOf(question.policy.rules, counted);
  if (missing.length > 0) return { kind: 'open', missing, refused };
  return { kind: 'met', indexes: counted.map(({ index }) => index).sort(byNumber), refused };
}

/** A person speaks in one role, so no person has to be shared out among roles: each role counts its own. */
function missingOf(
  rules: readonly RoleRule[],
  counted: readonly RecordedApproval[],
): readonly RoleRule[] {
  return rules
    .map(({ role, count }) => ({
      role,
      count: count - counted.filter(({ approval }) => approval.role === role).length,
    }))
    .filter(({ count }) => count > 0);
}

function whyRefused(each: RecordedApproval, question: QuorumQuestion): string | null {
  const { approval, index, person } = each;
  const { policy, directory, atIndex } = question;
  if (approval.requestSha256 !== question.requestSha256) return 'it is for another request';
  if (index <= question.requestIndex) return 'it was recorded before the request';
  // What takes something back is heard from anybody who may sign at all.
  if (approval.verdict === 'withdraw') return null;
  if (approval.policySha256 !== question.policySha256) return 'it is for another policy';
  if (person === question.author) return `${person} is the author`;
  if (approval.expiresAtMs <= question.atMs) return 'it has expired';
  if (approval.expiresAtMs > each.observedAtMs + policy.validForMs) {
    return 'it would count for longer than the policy allows';
  }
  if (!policy.rules.some(({ role }) => role === approval.role)) {
    return `the policy does not ask for the role ${approval.role}`;
  }
  for (const place of [index, atIndex]) {
    if (!directory.rolesAt(person, place).includes(approval.role)) {
      return `${person} does not have the role ${approval.role} at index ${place}`;
    }
    if (!directory.isValidAt(each.keyId, place)) {
      return `the key of ${person} is not valid at index ${place}`;
    }
  }
  return null;
}

function byNumber(a: number, b: number): number {
  return a - b;
}
