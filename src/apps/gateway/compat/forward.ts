import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { fieldsOf, giveStored, withoutTags, withValidators } from './caching.ts';
import type { Errand, Served } from '../cache/errand.ts';
import { cacheStatusHeader } from '../../../domain/cache/cache-status.ts';
import type { CompatCopy } from './mirror.ts';
import { CompatAttempts } from './attempts.ts';
import { type EndpointPools, inFlightMax } from './endpoint-pools.ts';
import { requestHeaders, responseHeaders } from '../forwarded-headers.ts';
import type { RetryCause } from '../../../domain/traffic/resilience/retry-rule.ts';
import type { Random } from '../../../domain/traffic/seeded-random.ts';
import type { Target } from '../live-revision.ts';
import { answerProblem } from '../problem.ts';
import type { LimitStanding } from '../limits/route-limits.ts';
import { limitFields, type Refusal, tooLarge } from '../refusal.ts';
import { type OverLimit, overText } from '../over-limit.ts';
import type { RequestObservation } from './request-observation.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { hasBody, RequestBody } from './request-body.ts';
import type { Treatment } from '../treatment.ts';

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
  /** Hears of the answer, to keep it; null: nobody does. */
  readonly errand: Errand | null;
  /** `performance.now()` when the request's head was there. */
  readonly startedMs: number;
  /** The caller waits for 100 Continue before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  readonly observation: RequestObservation;
  readonly bodyBytesMax: number;
}

/** What all requests of an engine share. */
interface ForwardMeans {
  readonly pools: EndpointPools;
  readonly random: Random;
  readonly metrics: GatewayMetrics;
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
 * - F5. What has no body is tried again by the service's `retries`, until an answer's head is passed on; the first attempt's
 *   outcome is what is counted (attempts.ts).
 */
export class Forward {
  readonly #exchange: Exchange;
  readonly #means: ForwardMeans;
  readonly #attempts: CompatAttempts;
  readonly #body: RequestBody | null;
  readonly #timer: NodeJS.Timeout;
  /** Of the whole request, by the rule that has it. */
  #limit: NodeJS.Timeout | null = null;
  /** Of the attempt under way, or before it. */
  readonly #ofAttempt: NodeJS.Timeout[] = [];
  /** Whatever is told of an earlier attempt is passed over. */
  #turn = 0;
  #controller: Dispatcher.DispatchController | null = null;
  #isEnded = false;
  #hasBodyBytes = false;
  /** Of the instance: 0 until it has answered. */
  #status = 0;
  /** The caller has a stored answer in place of this one. */
  #isDropped = false;
  #tryTimer: NodeJS.Timeout | undefined;

  constructor(exchange: Exchange, means: ForwardMeans) {
    this.#exchange = exchange;
    this.#means = means;
    const { request, target, treatment, startedMs } = exchange;
    const { random, metrics } = means;
    const ofRequest = { method: request.method ?? 'GET', hasBody: hasBody(request), startedMs };
    const retries = treatment?.retries ?? null;
    this.#attempts = new CompatAttempts({ ...ofRequest, target, retries, random, metrics });
    this.#timer = setTimeout(() => this.#late(), exchange.requestTimeoutMs);
    const requestMs = treatment?.timeouts?.requestMs;
    if (requestMs !== undefined)
      this.#limit = setTimeout(() => this.#over({ reason: 'timeout', ms: requestMs }), requestMs);
    this.#body = ofRequest.hasBody ? this.#requestBody() : null;
    if (this.#body === null) exchange.copy?.whole();
  }

  start(): void {
    this.#exchange.response.on('close', () => this.#callerGone());
    this.#dispatch();
  }

  #dispatch(): void {
    const { request, path } = this.#exchange;
    const { target } = this.#attempts;
    const pool = this.#means.pools.pool(target);
    if (pool === null) {
      const { response } = this.#exchange;
      const detail = `instance ${target.endpoint.instanceId} has ${inFlightMax} requests already`;
      this.#attempts.notMade();
      this.#end();
      answerProblem(request, response, { status: 503, reason: 'overloaded', detail });
      return;
    }
    this.#startAttemptLimits();
    const options: Dispatcher.DispatchOptions = {
      path,
      method: request.method ?? 'GET',
      headers: withValidators(
        requestHeaders(request, this.#exchange.authority),
        this.#exchange.errand,
      ),
      body: this.#body,
      ...idleTimeouts(this.#exchange.treatment),
    };
    try {
      pool.dispatch(options, this.#handler());
    } catch (error) {
      this.#fail({ status: 502, reason: 'unreachable', detail: messageOf(error) });
    }
  }

  #handler(): Dispatcher.DispatchHandler {
    const turn = this.#turn;
    const isNow = (): boolean => turn === this.#turn;
    return {
      onRequestStart: (controller) => {
        if (isNow()) this.#begun(controller);
        else controller.abort(new Error('another attempt has begun'));
      },
      onResponseStart: (controller, status, _headers, message) => {
        if (isNow()) this.#answering(controller, status, message);
      },
      onResponseData: (controller, chunk) => {
        if (isNow()) this.#data(controller, chunk);
      },
      onResponseEnd: () => {
        if (isNow()) this.#answered();
      },
      onResponseError: (_controller, error) => {
        if (isNow()) this.#broken(error);
      },
    };
  }

  /** Whether another attempt has begun in place of the one that failed. */
  #again(cause: RetryCause): boolean {
    if (this.#isEnded || this.#exchange.response.headersSent) return false;
    const delayMs = this.#attempts.again(cause);
    if (delayMs === null) return false;
    this.#turn += 1;
    this.#clearAttempt();
    this.#controller?.abort(new Error('another attempt has begun'));
    this.#controller = null;
    this.#ofAttempt.push(setTimeout(() => this.#dispatch(), delayMs));
    return true;
  }

  #begun(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isEnded) controller.abort(new Error('the request has ended while it waited'));
  }

  #answering(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    statusMessage: string | undefined,
  ): void {
    // Informational answers (100, 103) are dropped; the final one follows.
    if (statusCode < 200 || this.#isEnded) return;
    if (this.#again(statusCode)) return;
    clearTimeout(this.#timer);
    clearTimeout(this.#tryTimer);
    const { response, target, standing } = this.#exchange;
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[];
    const headers = responseHeaders(raw, { status: statusCode, revisionId: target.revisionId });
    if (standing !== null) headers.push(...limitFields(standing).flat());
    this.#status = statusCode;
    const told = this.#toldErrand(statusCode, headers);
    if (told === null) return;
    // Throws on what cannot be passed on; undici turns that into onResponseError, and F3 answers 502.
    response.writeHead(statusCode, statusMessage ?? '', told);
    // The head goes with the body's first bytes if they came in one piece, else at once: streams must not wait.
    queueMicrotask(() => {
      if (!this.#hasBodyBytes && !this.#isEnded) response.flushHeaders();
    });
  }

  /** The headers that the caller gets, with the word of the cache; null: it has got another answer. */
  #toldErrand(status: number, headers: string[]): string[] | null {
    const { errand } = this.#exchange;
    if (errand === null) return headers;
    const order = errand.head({ status, fields: fieldsOf(headers) });
    if (order.kind === 'pass') return [...withoutTags(headers), cacheStatusHeader, order.status];
    if (order.kind === 'bad') throw new Error('it says that another answer has not changed');
    this.#isDropped = true;
    this.#giveStored(order.served);
    return null;
  }

  #giveStored(served: Served): void {
    const { request, response, observation, target, standing } = this.#exchange;
    const choice = {
      kind: 'target',
      target,
      standing,
      treatment: null,
      requestTimeoutMs: 0,
    } as const;
    observation.responseBodyBytes = giveStored({ request, response }, served, choice);
  }

  #data(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#exchange.errand?.data(chunk);
    if (this.#isDropped) return;
    this.#hasBodyBytes = true;
    const { response, observation } = this.#exchange;
    observation.responseBodyBytes += chunk.length;
    if (response.write(chunk)) return;
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  #answered(): void {
    if (this.#isEnded) return;
    const { response } = this.#exchange;
    this.#attempts.answered(this.#status);
    this.#end();
    this.#exchange.errand?.whole();
    if (!this.#isDropped) response.end();
  }

  #broken(error: Error): void {
    if (this.#isEnded) return;
    const { endpoint } = this.#attempts.target;
    const idleMs = this.#exchange.treatment?.timeouts?.idleMs;
    if (idleMs !== undefined && isSilence(error)) {
      this.#over({ reason: 'idle-timeout', ms: idleMs });
      return;
    }
    const wasSent = this.#controller !== null;
    if (this.#again(wasSent ? 'reset' : 'connect-failure')) return;
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
    const { request, response, requestTimeoutMs } = this.#exchange;
    const { target } = this.#attempts;
    if (this.#body?.waitsForCaller === true) {
      this.#isEnded = true;
      this.#clearTimers();
      const detail = `nothing of the request's body came for ${requestTimeoutMs} ms`;
      this.#attempts.end();
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

  #startAttemptLimits(): void {
    const { backendRequestMs } = this.#exchange.treatment?.timeouts ?? {};
    const { perTryTimeoutMs } = this.#attempts;
    if (backendRequestMs !== undefined) {
      const over = { reason: 'backend-timeout', ms: backendRequestMs } as const;
      const late = (): void => {
        if (!this.#again('timeout')) this.#over(over);
      };
      this.#ofAttempt.push(setTimeout(late, backendRequestMs));
    }
    if (perTryTimeoutMs === null) return;
    this.#tryTimer = setTimeout(() => this.#tryLate(perTryTimeoutMs), perTryTimeoutMs);
    this.#ofAttempt.push(this.#tryTimer);
  }

  #tryLate(ms: number): void {
    if (this.#isEnded || this.#again('timeout')) return;
    const { instanceId } = this.#attempts.target.endpoint;
    const detail = `instance ${instanceId} did not answer within ${ms} ms`;
    this.#fail({ status: 504, reason: 'timeout', detail });
    this.#abort();
  }

  #over(over: OverLimit): void {
    if (this.#isEnded) return;
    const { instanceId } = this.#attempts.target.endpoint;
    const detail = `instance ${instanceId} ${overText(over)}`;
    this.#fail({ status: 504, reason: over.reason, detail });
    this.#abort();
  }

  #clearTimers(): void {
    clearTimeout(this.#timer);
    if (this.#limit !== null) clearTimeout(this.#limit);
    this.#clearAttempt();
  }

  #clearAttempt(): void {
    for (const timer of this.#ofAttempt.splice(0)) clearTimeout(timer);
  }

  /** The instance hears no end of the body, so it cannot take it for whole. */
  #tooLarge(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#attempts.end();
    this.#clearTimers();
    const { request, response, bodyBytesMax } = this.#exchange;
    if (response.headersSent) response.destroy();
    else answerProblem(request, response, tooLarge(bodyBytesMax));
    this.#abort();
  }

  #callerGone(): void {
    // It has its answer, and the instance's is on its way still.
    if (this.#isEnded || this.#isDropped) return;
    this.#isEnded = true;
    this.#exchange.errand?.failed();
    this.#attempts.end();
    this.#clearTimers();
    this.#abort();
  }

  #fail(refusal: Refusal): void {
    const { request, response } = this.#exchange;
    this.#attempts.failed();
    this.#end();
    const standIn = this.#exchange.errand?.failed() ?? null;
    if (standIn !== null && !response.headersSent) {
      this.#giveStored(standIn);
      return;
    }
    if (this.#isDropped) return;
    if (response.headersSent) response.destroy();
    else answerProblem(request, response, refusal);
  }

  #end(): void {
    this.#isEnded = true;
    this.#clearTimers();
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
