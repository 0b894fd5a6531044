import { takesRetry } from '../../../domain/traffic/resilience/circuit.ts';
import { type Outcome, outcomeOf } from '../../../domain/traffic/resilience/instance-health.ts';
import {
  backOffMs,
  isMethodRetryable,
  isRetryable,
  type RetryCause,
} from '../../../domain/traffic/resilience/retry-rule.ts';
import type { Random } from '../../../domain/traffic/seeded-random.ts';
import type { RetryPolicy } from '../../../domain/traffic/resilience/traffic-policy.ts';
import { noAnswer } from '../counters.ts';
import { beginAttempt, endAttempt, otherTarget, type Target } from '../live-revision.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';

interface CompatRequest {
  /** Of the first attempt. */
  readonly target: Target;
  /** Those of the rule that has the request; null: as its route has it. */
  readonly retries: RetryPolicy | null;
  readonly method: string;
  /** undici may have read some of a body, so only what has none is sent again. */
  readonly hasBody: boolean;
  /** `performance.now()` when the request's head was there. */
  readonly startedMs: number;
  readonly random: Random;
  readonly metrics: GatewayMetrics;
}

/**
 * The attempts of one request of the compat engine, by the same policies and budget as the fast engine's (fast/attempts.ts).
 *
 * - Every attempt is begun and ended once at its instance, and every request and retry at its revision's circuit.
 * - What the first attempt brought is counted, once, whatever the next ones bring; nothing, when the caller is to blame.
 */
export class CompatAttempts {
  /** Who has the request now. */
  target: Target;
  readonly #request: CompatRequest;
  readonly #policy: RetryPolicy;
  #retries = 0;
  #startedMs: number;
  #isOpen = true;
  #isCounted = false;
  #isOver = false;

  constructor(request: CompatRequest) {
    this.#request = request;
    this.target = request.target;
    this.#policy = request.retries ?? request.target.revision.retries;
    this.#startedMs = request.startedMs;
    this.target.revision.circuit.requests += 1;
    beginAttempt(this.target);
  }

  /** Null: an attempt has as long as the request. */
  get perTryTimeoutMs(): number | null {
    return this.#policy.perTryTimeoutMs;
  }

  /** The attempt has failed for this reason. What to wait before the next one, which has begun; null: there is none. */
  again(cause: RetryCause): number | null {
    const { method, hasBody, random } = this.#request;
    const policy = this.#policy;
    const isRepeatable = isMethodRetryable(policy, method);
    const isAllowed = isRetryable(policy, cause, { isRepeatable, isReplayable: !hasBody });
    if (this.#isOver || this.#retries >= policy.attempts || !isAllowed) return null;
    const nowMs = performance.now();
    const other = otherTarget(this.target, nowMs, random);
    if (other === null && policy.backOffMs === 0) return null;
    if (!this.#pays(nowMs)) return null;
    const waits = other === null || this.#retries > 0;
    if (typeof cause === 'number') this.#answered(cause);
    else this.#ended('gateway-error', noAnswer);
    this.#begin(other ?? this.target, nowMs);
    return waits ? backOffMs(policy.backOffMs, this.#retries, random) : 0;
  }

  /** The instance's answer is whole, and the request over. */
  answered(status: number): void {
    this.#answered(status);
    this.end();
  }

  /** The instance is to blame, and the request over. */
  failed(): void {
    this.#ended('gateway-error', noAnswer);
    this.end();
  }

  /** For want of a connection: what its caller sees counts, but not against the instance's health. */
  notMade(): void {
    this.#ended('none', noAnswer);
    this.end();
  }

  /** The request is over. An attempt that has not ended says nothing of its instance; a second call does nothing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended('none', null);
    const { circuit } = this.target.revision;
    circuit.requests -= 1;
    if (this.#retries > 0) circuit.retries -= 1;
  }

  /** False: too many have been tried again, or are being so. */
  #pays(nowMs: number): boolean {
    const { circuit, budget } = this.target.revision;
    const isRefused = this.#retries === 0 && !takesRetry(circuit);
    const isPaid = !isRefused && budget.spend(nowMs, this.#policy);
    const { metrics } = this.#request;
    if (isPaid) metrics.retries += 1;
    else metrics.retriesRefused += 1;
    return isPaid;
  }

  #begin(target: Target, nowMs: number): void {
    if (this.#retries === 0) target.revision.circuit.retries += 1;
    this.#retries += 1;
    this.target = target;
    this.#startedMs = nowMs;
    this.#isOpen = true;
    beginAttempt(target);
  }

  #answered(status: number): void {
    this.#ended(outcomeOf(status), Math.min(4, Math.floor(status / 100) - 1));
  }

  /** `statusClass` null: it says nothing. */
  #ended(outcome: Outcome, statusClass: number | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const nowMs = performance.now();
    endAttempt(this.target, { outcome, startedMs: this.#startedMs, nowMs });
    if (statusClass === null || this.#isCounted) return;
    this.#isCounted = true;
    const { target, startedMs } = this.#request;
    target.counter.count(statusClass, (nowMs - startedMs) * 1000);
  }
}
