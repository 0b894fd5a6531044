import { takesRetry } from '../../../domain/traffic/resilience/circuit.ts';
import { type Outcome, outcomeOf } from '../../../domain/traffic/resilience/instance-health.ts';
import { isBadLuck } from '../../../domain/traffic/resilience/kept-connection.ts';
import {
  backOffMs,
  isMethodRetryable,
  isRetryable,
  type RetryCause,
} from '../../../domain/traffic/resilience/retry-rule.ts';
import {
  type RetryPolicy,
  usualRetries,
} from '../../../domain/traffic/resilience/traffic-policy.ts';
import type { RequestHead } from '../http1/head.ts';
import { method } from '../http1/methods.ts';
import { beginAttempt, endAttempt, otherTarget, type Target } from '../live-revision.ts';
import { Evidence } from './evidence.ts';
import type { InstanceConnection } from './instance-connection.ts';
import type { Parts } from './parts.ts';
import type { RequestRelay } from './request-relay.ts';

/**
 * The attempts of one request: who has it now, what each says of its instance, and whether there may be another one. One object serves all requests of a connection,
 * one after the other.
 *
 * - A1. Every attempt is begun and ended once at its instance, and every request and retry at its revision's circuit.
 * - A2. Another attempt, a hedge too, costs the route's budget and goes to another instance of the same revision, if there is one.
 */
export class Attempts {
  /** Null: the request has ended. */
  target: Target | null = null;
  /** What to wait before the attempt that has begun. */
  delayMs = 0;
  /** When the request may be sent to another instance too; 0: never. */
  hedgeAfterMs = 0;
  /** Of the attempt under way, on the clock of `performance.now()`. */
  untilMs = Infinity;
  /** Whether an answer with this status is thrown away: another attempt has begun then. */
  readonly turnsDown = (status: number): boolean => {
    return this.#next(status, performance.now());
  };
  readonly #parts: Parts;
  readonly #request: RequestRelay;
  readonly #evidence = new Evidence();
  #retries = 0;
  #startedMs = 0;
  #isOpen = false;
  #isRepeatable = false;
  #policy = usualRetries;
  /** Null: none is under way. */
  #hedge: Target | null = null;
  #hedgeStartedMs = 0;

  constructor(parts: Parts, request: RequestRelay) {
    this.#parts = parts;
    this.#request = request;
  }

  /** `retries` are those of the rule that has the request; null: as its route has it. */
  begin(target: Target, head: RequestHead, nowMs: number, retries: RetryPolicy | null): void {
    const policy = retries ?? target.revision.retries;
    this.#policy = policy;
    target.revision.circuit.requests += 1;
    this.#evidence.begin(target, nowMs);
    this.#retries = 0;
    // The usual rule needs no text of the method.
    this.#isRepeatable =
      policy === usualRetries ? isSafe(head) : isMethodRetryable(policy, head.methodText());
    const hasCause = policy.onReset || policy.onStatuses.length > 0;
    this.#request.isKept = hasCause && this.#isRepeatable;
    const mayHedge = policy.hedgeAfterMs !== undefined && isSafe(head) && !head.wantsTunnel;
    this.hedgeAfterMs = mayHedge ? (policy.hedgeAfterMs ?? 0) : 0;
    this.#start(target, nowMs);
  }

  /** A fault holds the request up before its first attempt. */
  heldUp(delayMs: number): void {
    this.untilMs += delayMs;
  }

  /** Of the attempt under way; 0: it has as long as the request. */
  get perTryTimeoutMs(): number {
    return this.#policy.perTryTimeoutMs ?? 0;
  }

  /** Null: no status is thrown away. */
  get turnsAnyDown(): ((status: number) => boolean) | null {
    return this.#policy.onStatuses.length > 0 ? this.turnsDown : null;
  }

  /** The instance has answered wholly, or a tunnel has begun. */
  answered(status: number, nowMs: number): void {
    this.#evidence.answered(status, nowMs);
    this.#end(outcomeOf(status), nowMs);
  }

  /** The instance is to blame. */
  failed(nowMs: number): void {
    this.#evidence.failed(nowMs);
    this.#end('gateway-error', nowMs);
  }

  /** The attempt was not made, for want of a connection: what its caller sees counts, but not against the instance's health. */
  notMade(nowMs: number): void {
    this.#evidence.failed(nowMs);
    this.#end('none', nowMs);
  }

  /** The attempt has failed; whether another one has begun. */
  failedAndAgain(cause: RetryCause, nowMs: number): boolean {
    this.#evidence.failed(nowMs);
    return this.#next(cause, nowMs);
  }

  /**
   * A kept connection was closed; whether another attempt has begun, at the same instance and at once. False also when some
   * octet of the answer had come, or the connection was new: that says something else.
   */
  keptAndAgain(connection: InstanceConnection | null, isTouched: boolean): boolean {
    if (connection === null) return false;
    const nowMs = performance.now();
    if (connection.isUntouched) return this.#untouchedAndAgain(nowMs);
    const { target } = this;
    if (connection.served === 0 || isTouched || target === null) return false;
    const { idleSinceMs, isPromised } = connection;
    const idleMs = this.#request.sentMs - idleSinceMs;
    if (!isBadLuck(target.instance, { idleMs, isPromised })) this.failed(nowMs);
    if (!this.#request.isReplayable || !this.#isRepeatable) return false;
    if (this.#retries >= this.#policy.attempts) return false;
    if (!this.#pays(target, nowMs)) return false;
    this.#end('none', nowMs);
    this.#retried(target, nowMs);
    this.delayMs = 0;
    return true;
  }

  /**
   * The instance has said that it has not looked at the request (RFC 9113 section 8.7), which says nothing about it; whether
   * another attempt has begun.
   */
  #untouchedAndAgain(nowMs: number): boolean {
    const { target } = this;
    if (target === null || !this.#request.isReplayable) return false;
    const { attempts, onRefusedStream } = this.#policy;
    if (!onRefusedStream || this.#retries >= attempts || !this.#pays(target, nowMs)) return false;
    this.#end('none', nowMs);
    this.#retried(otherTarget(target, nowMs, this.#parts.routes.random) ?? target, nowMs);
    this.delayMs = 0;
    return true;
  }

  /** Begins a hedge; null: no other instance serves, the request was tried again already, or that would be too many. */
  hedge(nowMs: number): Target | null {
    const { target } = this;
    if (target === null || this.#retries > 0 || this.#policy.attempts === 0) return null;
    const other = otherTarget(target, nowMs, this.#parts.routes.random);
    if (other === null || !this.#pays(target, nowMs)) return null;
    this.#hedge = other;
    this.#request.hedged = 'lost';
    this.#hedgeStartedMs = nowMs;
    other.revision.circuit.retries += 1;
    beginAttempt(other);
    return other;
  }

  /** The hedge has not brought the answer. */
  hedgeEnded(outcome: Outcome, nowMs: number): void {
    const hedge = this.#hedge;
    if (hedge === null) return;
    this.#hedge = null;
    hedge.revision.circuit.retries -= 1;
    endAttempt(hedge, { outcome, startedMs: this.#hedgeStartedMs, nowMs });
  }

  /**
   * The hedge is the request's attempt now. The first one has brought no answer in the time that its instance had, and counts so: it
   * must not vanish from what its revision is judged by. `outcome` is of the first, for its instance's health.
   */
  overtaken(outcome: Outcome, nowMs: number): void {
    const hedge = this.#hedge;
    if (hedge === null) return;
    this.#hedge = null;
    this.#request.hedged = 'won';
    this.#evidence.failed(nowMs);
    this.#end(outcome, nowMs);
    this.#retries += 1;
    this.target = hedge;
    this.#startedMs = this.#hedgeStartedMs;
    this.#isOpen = true;
    this.untilMs = this.#hedgeStartedMs + (this.#policy.perTryTimeoutMs ?? Infinity);
  }

  /** The request is over. An attempt that has not ended says nothing of its instance. */
  end(nowMs: number): void {
    const { target } = this;
    if (target === null) return;
    this.#evidence.end();
    this.#end('none', nowMs);
    const { circuit } = target.revision;
    circuit.requests -= 1;
    if (this.#retries > 0) circuit.retries -= 1;
    this.target = null;
  }

  #next(cause: RetryCause, nowMs: number): boolean {
    const { target } = this;
    if (target === null) return false;
    const policy = this.#policy;
    const request = {
      isRepeatable: this.#isRepeatable,
      isReplayable: this.#request.isReplayable,
    };
    if (this.#retries >= policy.attempts || !isRetryable(policy, cause, request)) return false;
    const { random } = this.#parts.routes;
    const other = otherTarget(target, nowMs, random);
    if (other === null && policy.backOffMs === 0) return false;
    if (!this.#pays(target, nowMs)) return false;
    const waits = other === null || this.#retries > 0;
    if (typeof cause === 'number') this.answered(cause, nowMs);
    else this.failed(nowMs);
    this.#retried(other ?? target, nowMs);
    this.delayMs = waits ? backOffMs(policy.backOffMs, this.#retries, random) : 0;
    this.untilMs += this.delayMs;
    return true;
  }

  /** False: too many have been tried again, or are being so. */
  #pays({ revision: { circuit, budget } }: Target, nowMs: number): boolean {
    const isRefused = this.#retries === 0 && !takesRetry(circuit);
    const isPaid = !isRefused && budget.spend(nowMs, this.#policy);
    const { metrics } = this.#parts;
    if (isPaid) metrics.retries += 1;
    else metrics.retriesRefused += 1;
    return isPaid;
  }

  #retried(target: Target, nowMs: number): void {
    if (this.#retries === 0) target.revision.circuit.retries += 1;
    this.#retries += 1;
    this.#start(target, nowMs);
  }

  #start(target: Target, nowMs: number): void {
    this.target = target;
    this.#startedMs = nowMs;
    this.#isOpen = true;
    this.untilMs = nowMs + (this.#policy.perTryTimeoutMs ?? Infinity);
    beginAttempt(target);
  }

  #end(outcome: Outcome, nowMs: number): void {
    if (!this.#isOpen || this.target === null) return;
    this.#isOpen = false;
    endAttempt(this.target, { outcome, startedMs: this.#startedMs, nowMs });
  }
}

function isSafe(head: RequestHead): boolean {
  return (
    head.method === method.get || head.method === method.head || head.method === method.options
  );
}
