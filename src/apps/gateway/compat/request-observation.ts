import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessRecord } from '../access-log/access-line.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Counter } from '../counters.ts';
import { destination, plainAddress } from '../forwarded-headers.ts';
import { methodNames } from '../http1/methods.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { EndedRequest } from '../metrics/request-metrics.ts';
import { refusedBy } from '../problem.ts';

/** What the compat engine tells about one request when it has ended for its caller. Tunnels are not told about. */
export class RequestObservation implements EndedRequest, AccessRecord {
  readonly method: number;
  readonly isSecure = false;
  readonly traceId = null;
  readonly trace = null;
  readonly methodText: string;
  readonly target: string;
  readonly authority: string | null;
  readonly protocolVersion: string;
  readonly clientAddress: string;
  readonly userAgent: string | null;
  status = 0;
  error: string | null = null;
  /** Of what was injected on purpose; null: nothing was. */
  fault: string | null = null;
  access: AccessRecord['access'] = null;
  /** The connection was reset on purpose. */
  isReset = false;
  /** The caller took nothing of its answer for too long. */
  isTooSlow = false;
  durationMs = 0;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  endedAtMs = 0;
  /** Null: no revision is known yet. */
  counter: Counter | null = null;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { metrics, accessLog, startedMs }: ObservationOptions,
  ) {
    const { authority, path } = destination(request);
    this.methodText = request.method ?? '';
    this.method = Math.max(0, methodNames.indexOf(this.methodText));
    this.target = path;
    this.authority = authority ?? null;
    this.protocolVersion = request.httpVersion;
    this.clientAddress = plainAddress(request.socket.remoteAddress ?? '');
    this.userAgent = request.headers['user-agent'] ?? null;
    response.on('close', () => {
      const reason = this.isReset ? 'fault-injected' : refusedBy(response);
      if (reason !== null && !this.isReset) metrics.refused(reason);
      this.status = response.headersSent ? response.statusCode : 0;
      const cause = this.isTooSlow ? 'caller-too-slow' : 'caller-gone';
      this.error = reason ?? (response.writableFinished ? null : cause);
      this.durationMs = performance.now() - startedMs;
      this.endedAtMs = Date.now();
      (this.counter?.requests ?? metrics.requests.unrouted).record(this);
      accessLog?.tell(this);
    });
  }

  get destination(): Counter | null {
    return this.counter;
  }
}

export interface ObservationOptions {
  readonly metrics: GatewayMetrics;
  readonly accessLog: AccessLog | null;
  /** Of `performance.now()`. */
  readonly startedMs: number;
}
