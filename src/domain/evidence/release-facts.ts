import { type ApprovalPolicy, requestSha256 } from './approval/approval.ts';
import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { type EvidencePlan, readEvidencePlan } from './evidence-plan.ts';
import { readArray, readCount, readObject, readSha256, readText } from './read-json.ts';
import type { EntryType, Statement } from './statement.ts';

/** What an entry says of a rollout, as far as it can be owed by a plan (evidence-plan.ts). */
export interface ReleaseFacts {
  readonly type: EntryType;
  readonly service: string;
  readonly rolloutId: string;
  readonly decision: string;
  readonly atMs: number;
  readonly weightPercent: number | null;
  /** It was somebody's word, not the server's own decision. */
  readonly isByHand: boolean;
  readonly hasPassed: boolean;
  /** Of the entry that begins a rollout; null: none, or by an earlier program. */
  readonly plan: EvidencePlan | null;
  /** Of a request for approvals. */
  readonly request: RequestFacts | null;
}

export interface RequestFacts {
  /** Of the entry's data: what approvals are bound to. */
  readonly sha256: string;
  readonly policy: ApprovalPolicy;
  readonly policySha256: string;
  readonly author: string;
}

/** Null: it is about no rollout. A plan or a request that can't be read is as none: the check tells what is missing then. */
export function releaseFacts({
  type,
  data,
}: Pick<Statement, 'type' | 'data'>): ReleaseFacts | null {
  if (!isObject(data)) return null;
  const { service, rolloutId, decision, atMs, weightPercent, by, verdict } = data;
  if (typeof service !== 'string' || typeof rolloutId !== 'string') return null;
  if (typeof decision !== 'string' || typeof atMs !== 'number') return null;
  const evidence = data['evidence'];
  const approval = data['approval'];
  return {
    type,
    service,
    rolloutId,
    decision,
    atMs,
    weightPercent: typeof weightPercent === 'number' ? weightPercent : null,
    isByHand: by !== null && by !== undefined,
    hasPassed: isObject(verdict) && verdict['kind'] === 'pass',
    plan:
      type === 'release-plan' && evidence !== undefined
        ? orNull(() => readEvidencePlan(evidence))
        : null,
    request:
      type === 'approval-request' && isObject(approval)
        ? orNull(() => readRequest(data, approval))
        : null,
  };
}

function readRequest(data: JsonObject, approval: JsonObject): RequestFacts {
  const policy = readObject(approval['policy'], ['rules', 'validForMs'], 'the approval policy');
  return {
    sha256: requestSha256(data),
    policySha256: readSha256(approval['policySha256'], 'policySha256'),
    author: readText(approval['author'], 'author'),
    policy: {
      rules: readArray(policy['rules'], 'rules').map((each) => {
        const rule = readObject(each, ['role', 'count'], 'a rule');
        return { role: readText(rule['role'], 'role'), count: readCount(rule['count'], 'count') };
      }),
      validForMs: readCount(policy['validForMs'], 'validForMs'),
    },
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  if (value === undefined || value === null || Array.isArray(value)) return false;
  return typeof value === 'object';
}

function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof EvidenceError) return null;
    throw error;
  }
}
