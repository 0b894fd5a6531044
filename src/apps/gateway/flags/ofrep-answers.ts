/**
 * Answers of OFREP, the OpenFeature Remote Evaluation Protocol (github.com/open-feature/protocol, service/openapi.yaml):
 * the flags of one revision in a context, as status, body and headers.
 */
import type { AskedFlags } from '../../../domain/flags/check-flags.ts';
import {
  evaluateFlag,
  type FlagContext,
  readContext,
} from '../../../domain/flags/evaluate-flag.ts';
import { sha256Hex } from '../../../domain/evidence/digest.ts';

export interface OfrepAnswer {
  readonly status: number;
  /** Null: none (304). */
  readonly body: object | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The error codes of OpenFeature that a request can be answered with. */
type ErrorCode =
  | 'FLAG_NOT_FOUND'
  | 'PARSE_ERROR'
  | 'TARGETING_KEY_MISSING'
  | 'INVALID_CONTEXT'
  | 'GENERAL';

/** What a body says of who asks; an answer: it says nothing that could be understood. */
export function contextOf(body: string, key: string | null): FlagContext | OfrepAnswer {
  let parsed: unknown;
  try {
    parsed = body === '' ? {} : JSON.parse(body);
  } catch {
    return refusal('PARSE_ERROR', 'the body is no JSON', key);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return refusal('PARSE_ERROR', 'the body must be an object with a context', key);
  }
  const context = readContext('context' in parsed ? parsed.context : undefined);
  return typeof context === 'string' ? refusal('INVALID_CONTEXT', context, key) : context;
}

export function oneFlag(asked: AskedFlags, key: string, context: FlagContext): OfrepAnswer {
  const body = evaluated(asked, key, context);
  if ('errorCode' in body) {
    return { status: statuses[body.errorCode], body };
  }
  return { status: 200, body };
}

/** All but the disabled ones. The tag is of the whole answer, so that another context has another one. */
export function allFlags(
  asked: AskedFlags,
  context: FlagContext,
  ifNoneMatch: string | null,
): OfrepAnswer {
  const enabled = asked.flags.filter(({ state }) => state === 'ENABLED');
  const body = { flags: enabled.map(({ key }) => evaluated(asked, key, context)) };
  const etag = `"${sha256Hex(JSON.stringify(body)).slice(0, 32)}"`;
  if (isMatched(ifNoneMatch, etag)) return { status: 304, body: null, headers: { etag } };
  return { status: 200, body, headers: { etag } };
}

/** Null: of all flags. */
export function refusal(
  errorCode: ErrorCode,
  errorDetails: string,
  key: string | null,
): OfrepAnswer {
  const body = { ...(key === null ? {} : { key }), errorCode, errorDetails };
  return { status: statuses[errorCode], body };
}

const statuses: Readonly<Record<ErrorCode, number>> = {
  FLAG_NOT_FOUND: 404,
  PARSE_ERROR: 400,
  TARGETING_KEY_MISSING: 400,
  INVALID_CONTEXT: 400,
  GENERAL: 500,
};

function evaluated(
  { service, revisionId, flags, turns }: AskedFlags,
  key: string,
  context: FlagContext,
) {
  const flag = flags.find((each) => each.key === key);
  const answer = evaluateFlag(flag, context, { service, turns });
  if (answer.kind === 'refused') {
    return { key, errorCode: answer.code, errorDetails: answer.details };
  }
  const { value, variant, reason, turn } = answer;
  const turnedBy = turn === null ? {} : { turnedBy: `${turn.rolloutId} step ${turn.stepNumber}` };
  return { key, value, variant, reason, metadata: { revision: revisionId, ...turnedBy } };
}

/** RFC 9110 13.1.2: a list of tags, weak or not, or `*`. */
function isMatched(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === etag);
}
