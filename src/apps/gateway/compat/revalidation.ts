import type { Dispatcher } from 'undici';
import { outcomeOf } from '../../../domain/traffic/resilience/instance-health.ts';
import { noAnswer } from '../counters.ts';
import { responseHeaders } from '../forwarded-headers.ts';
import { beginAttempt, endAttempt, type Target } from '../live-revision.ts';
import type { Errand } from '../cache/errand.ts';
import { fieldsOf } from './caching.ts';

/** A GET that is sent for nobody: its answer is taken by the errand, and counted as any other. */
export class CompatRevalidation implements Dispatcher.DispatchHandler {
  readonly #target: Target;
  readonly #errand: Errand;
  readonly #onEnd: () => void;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #isOver = false;

  constructor(target: Target, errand: Errand, timeoutMs: number, onEnd: () => void) {
    this.#target = target;
    this.#errand = errand;
    this.#onEnd = onEnd;
    target.counter.underWay += 1;
    target.revision.circuit.requests += 1;
    beginAttempt(target);
    this.#timer = setTimeout(() => {
      this.failed();
      this.#controller?.abort(new Error('the instance took too long'));
    }, timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('it has waited too long'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#isOver) return;
    this.#status = status;
    const { revisionId } = this.#target;
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[];
    this.#errand.head({ status, fields: fieldsOf(responseHeaders(raw, { status, revisionId })) });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) this.#errand.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#errand.whole();
    this.#end(Math.min(4, Math.floor(this.#status / 100) - 1), outcomeOf(this.#status));
  }

  onResponseError(): void {
    this.failed();
  }

  /** Nothing of it is kept. */
  failed(): void {
    if (this.#isOver) return;
    this.#errand.failed();
    this.#end(noAnswer, 'gateway-error');
  }

  #end(statusClass: number, outcome: ReturnType<typeof outcomeOf>): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const { counter, revision } = this.#target;
    const nowMs = performance.now();
    counter.underWay -= 1;
    revision.circuit.requests -= 1;
    counter.count(statusClass, (nowMs - this.#startedMs) * 1000);
    endAttempt(this.#target, { outcome, startedMs: this.#startedMs, nowMs });
    this.#onEnd();
  }
}
