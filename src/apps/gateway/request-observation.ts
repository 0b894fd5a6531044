import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Counter } from './counters.ts';
import { methodNames } from './http1/methods.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';
import type { EndedRequest } from './metrics/request-metrics.ts';
import { refusedBy } from './problem.ts';

/** What the compat engine tells about one request when it has ended for its caller. Tunnels are not told about. */
export class RequestObservation implements EndedRequest {
  readonly method: number;
  readonly isSecure = false;
  readonly traceId = null;
  status = 0;
  error: string | null = null;
  durationMs = 0;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  endedAtMs = 0;
  /** Null: no revision is known yet. */
  counter: Counter | null = null;

  /** `startedMs` is of `performance.now()`. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { metrics, startedMs }: { readonly metrics: GatewayMetrics; readonly startedMs: number },
  ) {
    this.method = Math.max(0, methodNames.indexOf(request.method ?? ''));
    response.on('close', () => {
      const reason = refusedBy(response);
      if (reason !== null) metrics.refused(reason);
      this.status = response.headersSent ? response.statusCode : 0;
      this.error = reason ?? (response.writableFinished ? null : 'caller-gone');
      this.durationMs = performance.now() - startedMs;
      this.endedAtMs = Date.now();
      (this.counter?.requests ?? metrics.requests.unrouted).record(this);
    });
  }
}
