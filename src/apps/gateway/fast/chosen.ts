import { type Counter, noAnswer } from '../counters.ts';
import type { RequestHead } from '../http1/head.ts';
import type { FixedLines } from '../http1/fixed-lines.ts';
import { circuitRefusal } from '../live-revision.ts';
import { counterOf } from '../cache/cached-place.ts';
import type { Errand, Served } from '../cache/errand.ts';
import type { CacheAnswer } from '../cache/route-cache.ts';
import type { Choice } from '../live-routes.ts';
import { notCached, overLimitsRefusal, type Refusal, tooLarge } from '../refusal.ts';
import { bodyBytesMaxOf } from '../treatment.ts';
import type { Parts } from './parts.ts';

type Chosen =
  | Extract<Choice, { kind: 'target' | 'asleep' }>
  /** The cache has the answer. */
  | {
      readonly kind: 'stored';
      readonly served: Served;
      readonly counter: Counter;
      readonly lines: FixedLines;
    }
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      /** Null: it belongs to no revision. */
      readonly counter: Counter | null;
    };

/** Where the routes send a request, or what the gateway answers in place of an instance. */
export function chosen(parts: Parts, head: RequestHead, nowMs: number): Chosen {
  const { given } = parts.caching;
  if (given !== null) return chosenBefore(parts, head);
  const { routes, routedHead } = parts;
  return looked(parts, head, routes.choose(head.authority(), head.path(), routedHead, nowMs));
}

/** With what the cache has said to it, for which the exchange takes the errand. */
function chosenBefore(parts: Parts, head: RequestHead): Chosen {
  const given = parts.caching.takeGiven();
  if (given === null) throw new Error('nothing was chosen before');
  const { choice, answer } = given;
  const served = answer?.kind === 'serve' ? answer.served : null;
  if (served !== null) return stored(parts, choice, served);
  if (answer?.kind === 'not-cached') {
    return { kind: 'refused', refusal: notCached, counter: counterOf(choice) };
  }
  const found = looked(parts, head, choice);
  const errand = errandOf(answer);
  if (errand === null) return found;
  if (found.kind === 'target') {
    parts.caching.errand = errand;
    return found;
  }
  // Nobody is asked: an older answer may do, unless an instance is on its way.
  const standIn = errand.failed();
  return standIn === null || found.kind === 'asleep' ? found : stored(parts, choice, standIn);
}

function stored(parts: Parts, choice: Choice, served: Served): Chosen {
  const counter = counterOf(choice);
  if (counter === null) throw new Error(`the cache has answered a request that is ${choice.kind}`);
  const standing = choice.kind === 'target' ? choice.standing : null;
  const lines = parts.linesOf(counter.revisionId, standing);
  return { kind: 'stored', served, counter, lines };
}

function errandOf(answer: Exclude<CacheAnswer, { kind: 'wait' }> | null): Errand | null {
  return answer?.kind === 'fetch' ? answer.errand : null;
}

function looked(parts: Parts, head: RequestHead, choice: Choice): Chosen {
  const { callerLimits } = parts;
  const authority = head.authority();
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
