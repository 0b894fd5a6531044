import { type Counter, noAnswer } from '../counters.ts';
import type { RequestHead } from '../http1/head.ts';
import { circuitRefusal } from '../live-revision.ts';
import type { Choice } from '../live-routes.ts';
import { overLimitsRefusal, type Refusal, tooLarge } from '../refusal.ts';
import { bodyBytesMaxOf } from '../treatment.ts';
import type { Parts } from './parts.ts';

type Chosen =
  | Extract<Choice, { kind: 'target' | 'asleep' }>
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      /** Null: it belongs to no revision. */
      readonly counter: Counter | null;
    };

/** Where the routes send a request, or what the gateway answers in place of an instance. */
export function chosen(parts: Parts, head: RequestHead, nowMs: number): Chosen {
  const { routes, routedHead, callerLimits } = parts;
  const authority = head.authority();
  const choice = routes.choose(authority, head.path(), routedHead, nowMs);
  if (choice.kind === 'target') {
    const bodyBytesMax = bodyBytesMaxOf(choice.treatment, callerLimits.requestBodyBytes);
    parts.bodyBytesMax = bodyBytesMax;
    if (head.contentLength <= bodyBytesMax) return full(choice) ?? choice;
    return { kind: 'refused', refusal: tooLarge(bodyBytesMax), counter: choice.target.counter };
  }
  if (choice.kind === 'unidentified') {
    return { kind: 'refused', refusal: choice.refusal, counter: null };
  }
  if (choice.kind === 'over-limits') {
    parts.metrics.limits.refused(choice);
    return { kind: 'refused', refusal: overLimitsRefusal(choice), counter: null };
  }
  if (choice.kind === 'unknown-host') {
    const detail = `no service has the host '${authority.slice(0, 100)}'`;
    return {
      kind: 'refused',
      refusal: { status: 404, reason: 'unknown-host', detail },
      counter: null,
    };
  }
  if (choice.kind === 'asleep') return choice;
  const { counter } = choice;
  counter.count(noAnswer, 0);
  if (choice.kind === 'unwoken') return { kind: 'refused', refusal: choice.refusal, counter };
  const detail = `revision ${choice.revisionId} has no ready instance`;
  return { kind: 'refused', refusal: { status: 503, reason: 'no-endpoints', detail }, counter };
}

/** Null: the revision takes one more. */
function full({ target }: Extract<Choice, { kind: 'target' }>): Chosen | null {
  const refusal = circuitRefusal(target);
  if (refusal === null) return null;
  target.counter.count(noAnswer, 0);
  return { kind: 'refused', refusal, counter: target.counter };
}
