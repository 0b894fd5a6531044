import type { AccessRecord } from '../access-log/access-line.ts';
import type { Counter } from '../counters.ts';
import { plainAddress } from '../forwarded-headers.ts';
import type { FixedValue } from '../http1/fixed-lines.ts';
import type { RequestHead } from '../http1/head.ts';
import type { EndedRequest } from '../metrics/request-metrics.ts';
import { TraceContext } from '../tracing/trace-context.ts';
import { https } from './caller-link.ts';
import type { Parts } from './parts.ts';

/**
 * What is told about one request when it has ended for its caller: to the metrics, as a span, and in the access
 * log. (What it says about the
 * instance is told by evidence.ts, which is what the gate judges by.) One object serves all requests of a connection, one
 * after the other.
 *
 * - O1. A request is told once, however it ends, with what its caller got; the second call of `end` does nothing.
 */
export class Observation implements EndedRequest, AccessRecord {
  method = 0;
  isSecure = false;
  status = 0;
  error: string | null = null;
  fault: string | null = null;
  /** What became of the second request; null: there was none. */
  hedge: 'won' | 'lost' | null = null;
  access: AccessRecord['access'] = null;
  durationMs = 0;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  traceId: Buffer | null = null;
  endedAtMs = 0;
  // The rest is filled only if there is an access log.
  methodText = '';
  target: string | null = null;
  authority: string | null = null;
  protocolVersion: string | null = null;
  clientAddress = '';
  userAgent: string | null = null;
  readonly #parts: Parts;
  #counter: Counter | null = null;
  #startedMs = 0;
  #isOpen = false;
  #trace: TraceContext | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `nowMs` is when the request's head was whole, of `performance.now()`. */
  begin(head: RequestHead, caller: ObservedCaller, nowMs: number): void {
    this.method = head.method;
    this.isSecure = caller.scheme === https;
    this.traceId = null;
    this.fault = null;
    this.hedge = null;
    this.access = null;
    this.#counter = null;
    this.#startedMs = nowMs;
    this.#isOpen = true;
    if (this.#parts.accessLog !== null) this.#keep(head, caller);
  }

  get destination(): Counter | null {
    return this.#counter;
  }

  get trace(): AccessRecord['trace'] {
    if (this.traceId === null || this.#trace === null) return null;
    const { traceId, spanId } = this.#trace;
    return { traceId: traceId.toString('latin1'), spanId: spanId.toString('latin1') };
  }

  /** Where the request belongs, whether or not an instance is there. */
  routed(counter: Counter): void {
    this.#counter = counter;
  }

  /** The traceparent that the instance is to get; null: the caller's own, if there is one. */
  beginTrace(head: RequestHead): Buffer | null {
    const { spans } = this.#parts;
    if (spans === null) return null;
    this.#trace ??= new TraceContext();
    this.#trace.begin(head, spans.random);
    if (!this.#trace.isSampled) return null;
    this.traceId = this.#trace.traceId;
    this.methodText = head.methodText();
    return this.#trace.traceparent;
  }

  /** `status` is what the caller got, 0: nothing. `error`: see EndedRequest. */
  end(status: number, error: string | null, nowMs: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.status = status;
    this.error = error;
    this.durationMs = nowMs - this.#startedMs;
    this.endedAtMs = timeOrigin + nowMs;
    const { metrics, spans, accessLog } = this.#parts;
    (this.#counter?.requests ?? metrics.requests.unrouted).record(this);
    accessLog?.tell(this);
    if (this.traceId === null || this.#trace === null || this.#counter === null) return;
    spans?.record(this.#trace, this.#counter, this.methodText, {
      status,
      error,
      fault: this.fault,
      hedge: this.hedge,
      access: this.access,
      startedMs: this.#startedMs,
      durationMs: this.durationMs,
    });
  }
  /** The head is gone when the request ends. */
  #keep(head: RequestHead, { socket, isHttp2 }: ObservedCaller): void {
    this.methodText = head.methodText();
    this.target = head.path();
    this.authority = head.authority();
    this.protocolVersion = isHttp2 ? '2' : head.minorVersion === 0 ? '1.0' : '1.1';
    this.clientAddress = plainAddress(socket.remoteAddress ?? '');
    const index = head.find(userAgentName);
    this.userAgent = index < 0 ? null : head.value(index);
  }
}

interface ObservedCaller {
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly scheme: FixedValue;
  readonly isHttp2: boolean;
}

/** Asked for once: it never changes, and asking leaves JavaScript. */
const { timeOrigin } = performance;
const userAgentName = Buffer.from('user-agent', 'latin1');
