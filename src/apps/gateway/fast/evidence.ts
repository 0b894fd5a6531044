import { type Counter, noAnswer } from '../counters.ts';
import type { RequestHead } from '../http1/head.ts';
import type { Target } from '../live-routes.ts';
import type { SpanRecorder } from '../tracing/span-recorder.ts';
import { TraceContext } from '../tracing/trace-context.ts';

/**
 * What one request says about the instance it was sent to: the engine's only contact with counters and spans. One object
 * serves all requests of a connection, one after the other.
 *
 * - E1. A request counts once, or not at all when its caller is to blame; the second call of an end does nothing.
 * - E2. Only the first attempt counts: what an attempt after it gives is nobody's evidence.
 */
export class Evidence {
  readonly #spans: SpanRecorder | null;
  #counter: Counter | null = null;
  #startedMs = 0;
  #isOpen = false;
  #trace: TraceContext | null = null;
  #method = '';

  constructor(spans: SpanRecorder | null) {
    this.#spans = spans;
  }

  /** `nowMs` is when the request's head was whole, of `performance.now()`. */
  begin({ counter }: Target, nowMs: number): void {
    this.#counter = counter;
    this.#startedMs = nowMs;
    this.#isOpen = true;
    counter.underWay += 1;
  }

  /** The traceparent that the instance is to get; null: the caller's own, if there is one. */
  trace(head: RequestHead): Buffer | null {
    if (this.#spans === null) return null;
    this.#trace ??= new TraceContext();
    this.#trace.begin(head, this.#spans.random);
    if (!this.#trace.isSampled) return null;
    this.#method = head.methodText();
    return this.#trace.traceparent;
  }

  /** The instance has answered with this status, and its answer has ended (or a tunnel has begun). */
  answered(status: number, nowMs: number): void {
    this.#count(Math.min(4, Math.floor(status / 100) - 1), status, nowMs);
  }

  failed(nowMs: number): void {
    this.#count(noAnswer, 0, nowMs);
  }

  /** Nobody waits any more, or something else is waited for (a tunnel's end). */
  end(): void {
    this.#isOpen = false;
    if (this.#counter !== null) this.#counter.underWay -= 1;
    this.#counter = null;
  }

  #count(statusClass: number, status: number, nowMs: number): void {
    if (!this.#isOpen || this.#counter === null) return;
    this.#isOpen = false;
    const startedMs = this.#startedMs;
    const durationMs = nowMs - startedMs;
    this.#counter.count(statusClass, durationMs * 1000);
    if (this.#trace?.isSampled !== true) return;
    const outcome = { status, startedMs, durationMs };
    this.#spans?.record(this.#trace, this.#counter, this.#method, outcome);
  }
}
