import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import type { CompatCopy } from './compat-mirror.ts';
import { type Counter, noAnswer } from './counters.ts';
import { requestHeaders, responseHeaders } from './forwarded-headers.ts';
import { outcomeOf } from '../../domain/traffic/instance-health.ts';
import type { Target } from './live-revision.ts';
import { answerProblem } from './problem.ts';
import type { LimitStanding } from './limits/route-limits.ts';
import { limitFields, type Refusal, tooLarge } from './refusal.ts';
import { type OverLimit, overText } from './over-limit.ts';
import type { RequestObservation } from './request-observation.ts';
import { SoleAttempt } from './sole-attempt.ts';
import { hasBody, RequestBody } from './request-body.ts';
import type { Treatment } from './treatment.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly authority: string;
  readonly path: string;
  readonly target: Target;
  readonly requestTimeoutMs: number;
  readonly treatment: Treatment | null;
  /** Told to the caller with the answer; null: there are no limits. */
  readonly standing: LimitStanding | null;
  /** For its shadow; null: nobody gets one. */
  readonly copy: CompatCopy | null;
  /** `performance.now()` when the request's head was there. */
  readonly startedMs: number;
  /** The caller waits for 100 Continue before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  readonly observation: RequestObservation;
  readonly bodyBytesMax: number;
}

/**
 * One request on its way to an instance and its answer on the way back.
 *
 * - F1. It is counted once, or not at all when the caller hung up first; `#isEnded` is the guard.
 * - F2. `requestTimeoutMs` runs from the request's head, or the last piece of its body that came, to the answer's head;
 *   waiting for a connection is in it. A caller too slow with its body gets 408 and is no evidence against anybody.
 * - F3. Until the answer's head is passed on, failure is 502 or 504. After it, the caller's connection is cut, because
 *   nothing else tells it that the answer is not whole.
 * - F4. A caller who hangs up ends the request at the instance.
 * - F5. Nothing is tried twice. Should it be: the first attempt's outcome is what is counted on the target's counter, whatever
 *   comes after, and the attempts after it on a target of the class `retry` (LiveRoutes), never as evidence.
 */
export class Forward implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #pool: Pool;
  readonly #counter: Counter;
  readonly #attempt: SoleAttempt;
  readonly #body: RequestBody | null;
  readonly #timer: NodeJS.Timeout;
  /** Those of the rule that has the request. */
  readonly #limits: readonly NodeJS.Timeout[];
  #controller: Dispatcher.DispatchController | null = null;
  #isEnded = false;
  #hasBodyBytes = false;

  constructor(exchange: Exchange, pool: Pool) {
    this.#exchange = exchange;
    this.#pool = pool;
    this.#counter = exchange.target.counter;
    this.#attempt = new SoleAttempt(exchange.target, exchange.startedMs);
    this.#timer = setTimeout(() => this.#late(), exchange.requestTimeoutMs);
    this.#limits = this.#startLimits();
    this.#body = hasBody(exchange.request) ? this.#requestBody() : null;
    if (this.#body === null) exchange.copy?.whole();
  }

  start(): void {
    const { request, response, path } = this.#exchange;
    response.on('close', () => this.#callerGone());
    const options: Dispatcher.DispatchOptions = {
      path,
      method: request.method ?? 'GET',
      headers: requestHeaders(request, this.#exchange.authority),
      body: this.#body,
      ...idleTimeouts(this.#exchange.treatment),
    };
    try {
      this.#pool.dispatch(options, this);
    } catch (error) {
      this.#fail({ status: 502, reason: 'unreachable', detail: messageOf(error) });
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isEnded) controller.abort(new Error('the request has ended while it waited'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    // Informational answers (100, 103) are dropped; the final one follows.
    if (statusCode < 200 || this.#isEnded) return;
    clearTimeout(this.#timer);
    const { response, target, standing } = this.#exchange;
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[];
    const headers = responseHeaders(raw, { status: statusCode, revisionId: target.revisionId });
    if (standing !== null) headers.push(...limitFields(standing).flat());
    // Throws on what cannot be passed on; undici turns that into onResponseError, and F3 answers 502.
    response.writeHead(statusCode, statusMessage ?? '', headers);
    // The head goes with the body's first bytes if they came in one piece, else at once: streams must not wait.
    queueMicrotask(() => {
      if (!this.#hasBodyBytes && !this.#isEnded) response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#hasBodyBytes = true;
    const { response, observation } = this.#exchange;
    observation.responseBodyBytes += chunk.length;
    if (response.write(chunk)) return;
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#isEnded) return;
    const { response } = this.#exchange;
    this.#attempt.end(outcomeOf(response.statusCode));
    this.#end(Math.min(4, Math.floor(response.statusCode / 100) - 1));
    response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isEnded) return;
    const { endpoint } = this.#exchange.target;
    const idleMs = this.#exchange.treatment?.timeouts?.idleMs;
    if (idleMs !== undefined && isSilence(error)) {
      this.#over({ reason: 'idle-timeout', ms: idleMs });
      return;
    }
    const wasSent = this.#controller !== null;
    this.#fail({
      status: 502,
      reason: wasSent ? 'reset' : 'unreachable',
      detail: `instance ${endpoint.instanceId} did not answer: ${messageOf(error)}`,
    });
  }

  #requestBody(): RequestBody {
    const { request, response, expectsContinue, copy } = this.#exchange;
    return new RequestBody(request, {
      onRead: () => {
        if (expectsContinue && !response.headersSent) response.writeContinue();
      },
      onChunk: (chunk) => {
        this.#exchange.observation.requestBodyBytes += chunk.length;
        if (this.#exchange.observation.requestBodyBytes > this.#exchange.bodyBytesMax)
          this.#tooLarge();
        copy?.add(chunk);
        if (!this.#isEnded && !response.headersSent) this.#timer.refresh();
      },
      onWhole: () => copy?.whole(),
    });
  }

  #late(): void {
    if (this.#isEnded) return;
    const { request, response, requestTimeoutMs, target } = this.#exchange;
    if (this.#body?.waitsForCaller === true) {
      this.#isEnded = true;
      this.#clearTimers();
      const detail = `nothing of the request's body came for ${requestTimeoutMs} ms`;
      this.#attempt.end('none');
      answerProblem(request, response, { status: 408, reason: 'caller-too-slow', detail });
      this.#abort();
      return;
    }
    this.#fail({
      status: 504,
      reason: 'timeout',
      detail: `instance ${target.endpoint.instanceId} did not answer within ${requestTimeoutMs} ms`,
    });
    this.#abort();
  }

  /** Of one attempt, as this engine makes no other. */
  #startLimits(): readonly NodeJS.Timeout[] {
    const { requestMs, backendRequestMs } = this.#exchange.treatment?.timeouts ?? {};
    const limits: NodeJS.Timeout[] = [];
    const add = (over: OverLimit): void => {
      limits.push(setTimeout(() => this.#over(over), over.ms));
    };
    if (requestMs !== undefined) add({ reason: 'timeout', ms: requestMs });
    if (backendRequestMs !== undefined) add({ reason: 'backend-timeout', ms: backendRequestMs });
    return limits;
  }

  #over(over: OverLimit): void {
    if (this.#isEnded) return;
    const { instanceId } = this.#exchange.target.endpoint;
    const detail = `instance ${instanceId} ${overText(over)}`;
    this.#fail({ status: 504, reason: over.reason, detail });
    this.#abort();
  }

  #clearTimers(): void {
    clearTimeout(this.#timer);
    for (const limit of this.#limits) clearTimeout(limit);
  }

  /** The instance hears no end of the body, so it cannot take it for whole. */
  #tooLarge(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#clearTimers();
    const { request, response, bodyBytesMax } = this.#exchange;
    if (response.headersSent) response.destroy();
    else answerProblem(request, response, tooLarge(bodyBytesMax));
    this.#abort();
  }

  #callerGone(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#attempt.end('none');
    this.#clearTimers();
    this.#abort();
  }

  #fail(refusal: Refusal): void {
    const { request, response } = this.#exchange;
    this.#attempt.end('gateway-error');
    this.#end(noAnswer);
    if (response.headersSent) response.destroy();
    else answerProblem(request, response, refusal);
  }

  #end(statusClass: number): void {
    this.#isEnded = true;
    this.#clearTimers();
    this.#counter.count(statusClass, (performance.now() - this.#exchange.startedMs) * 1000);
  }

  /** Ends the request at the instance, also when it still waits for a connection (see onRequestStart). */
  #abort(): void {
    this.#controller?.abort(new Error('the gateway gave the request up'));
    this.#body?.destroy();
  }
}

function idleTimeouts(
  treatment: Treatment | null,
): Pick<Dispatcher.DispatchOptions, 'headersTimeout' | 'bodyTimeout'> {
  const idleMs = treatment?.timeouts?.idleMs;
  return idleMs === undefined ? {} : { headersTimeout: idleMs, bodyTimeout: idleMs };
}

function isSilence(error: Error): boolean {
  return (
    'code' in error &&
    (error.code === 'UND_ERR_HEADERS_TIMEOUT' || error.code === 'UND_ERR_BODY_TIMEOUT')
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
