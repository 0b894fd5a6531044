import type { RuleTimeouts } from '../../../domain/traffic/routing/route-rules.ts';
import type { Attempts } from './attempts.ts';
import type { ExchangeCaller } from './exchange-caller.ts';
import { HalfClosed, halfClosedSilenceMs } from './half-closed.ts';
import type { Parts } from './parts.ts';
import type { LimitedExchange, TimeLimit } from './time-limits.ts';

/**
 * How long one request is waited for, and what for: its caller's deadline is set here and nowhere else. One object serves all
 * requests of a connection, one after the other.
 *
 * - K1. Until the answer's head: the route's timeout from the head, or the last piece of the body that came, but never beyond
 *   what a whole request may take; less where the attempt under way has less.
 * - K2. Within the answer: a silence, of the instance or of a caller that takes nothing.
 * - K3. What a rule says beside is watched by TimeLimits; most requests have no such rule.
 */
export class ExchangeClock {
  /** From the head, or the last piece of the body that came, to the answer's head. */
  timeoutMs = 0;
  readonly #parts: Parts;
  readonly #caller: ExchangeCaller;
  readonly #attempts: Attempts;
  readonly #halfClosed = new HalfClosed();
  /** Null, as of most: no rule says anything. */
  #limit: TimeLimit | null = null;
  #requestUntilMs = 0;
  /** Of the request as a whole; an attempt may have less. */
  #untilMs = 0;

  constructor(parts: Parts, caller: ExchangeCaller, attempts: Attempts) {
    this.#parts = parts;
    this.#caller = caller;
    this.#attempts = attempts;
  }

  /** The caller has ended its side. */
  get isHalfClosed(): boolean {
    return this.#halfClosed.isSo;
  }

  /** The attempt has begun already. */
  begin(requestTimeoutMs: number, nowMs: number): void {
    this.timeoutMs = requestTimeoutMs;
    this.#requestUntilMs = nowMs + this.#parts.deadlines.requestMs;
    this.#setDeadline(nowMs + requestTimeoutMs);
  }

  limit(exchange: LimitedExchange, timeouts: RuleTimeouts | null, nowMs: number): void {
    this.#limit = this.#parts.limits.begin(exchange, timeouts, nowMs);
  }

  /** The request begins to be sent. */
  attempt(): void {
    this.#limit?.attempt();
  }

  /** Another attempt has begun in place of the one before. */
  attemptAgain(): void {
    this.#limit?.attemptOver();
    this.#setDeadline(this.#untilMs);
  }

  /** Another attempt that is being sent already has taken the place of the one before. */
  attemptInstead(): void {
    this.attemptAgain();
    this.attempt();
  }

  /** Octets went to the instance or came from it. */
  moved(): void {
    this.#limit?.moved();
  }

  /** A piece of the request's body came. */
  refresh(): void {
    const untilMs = performance.now() + this.timeoutMs;
    this.#setDeadline(Math.min(untilMs, this.#requestUntilMs));
  }

  /** The answer has begun. */
  awaitSilence(isTaken: boolean): void {
    const { nowMs, deadlines } = this.#parts;
    const usualMs = isTaken ? deadlines.silenceMs : deadlines.takeMs;
    const silenceMs = this.#halfClosed.isSo ? halfClosedSilenceMs : usualMs;
    this.#caller.deadlineMs = nowMs + Math.min(silenceMs, usualMs);
  }

  /** The attempt has had its time, and the request has not. */
  isAttemptLate(nowMs: number): boolean {
    return nowMs >= this.#attempts.untilMs && nowMs < this.#untilMs;
  }

  /** Asks a caller that has ended its side whether it is there, if that is due; true: it is waited for on. */
  asksCaller(nowMs: number): boolean {
    const nextMs = this.#halfClosed.ask(this.#caller.socket, nowMs);
    if (nextMs === null) return false;
    this.#caller.deadlineMs = nextMs;
    return true;
  }

  /** The caller sends no more. Returns the next time to look after it. */
  callerEnded(minorVersion: number): number {
    return this.#halfClosed.begin(performance.now(), { untilMs: this.#untilMs, minorVersion });
  }

  /** The request is over, or has become a tunnel. */
  end(exchange: LimitedExchange): void {
    if (this.#limit !== null) this.#limit = this.#parts.limits.end(exchange);
  }

  #setDeadline(untilMs: number): void {
    this.#untilMs = untilMs;
    this.#caller.deadlineMs = Math.min(untilMs, this.#attempts.untilMs);
  }
}
