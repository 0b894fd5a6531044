import type { LoadPoint } from './load-series.ts';

/**
 * What a load run found. Every request of the schedule is in it: `scheduled = requests + dropped`, and
 * `requests = sum(byStatus) + sum(byError)`.
 */
export interface LoadResult {
  readonly targetRps: number;
  /** Requests that went out within the schedule's time, per second. */
  readonly achievedRps: number;
  readonly startedAtMs: number;
  /** Length of the schedule, without the wait for the last answers. */
  readonly durationMs: number;
  readonly scheduled: number;
  /** Requests that ended, with an answer or without. */
  readonly requests: number;
  /** Never sent because too many were in flight; any makes the run invalid. */
  readonly dropped: number;
  /** Answers 4xx and 5xx, and requests without an answer. */
  readonly errors: number;
  /** Complete answers by status code, as text: `{ "200": 7990, "503": 10 }`. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Requests without a complete answer, by kind; kinds that did not occur are absent. */
  readonly byError: Readonly<Partial<Record<RequestErrorKind, number>>>;
  /** Latency as a user sees it: from the intended start to the end of the answer or to the failure, of all requests. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Service time: from the write on the connection to the end, of the requests that were written. */
  readonly service: ServiceTimes;
  /** The generator's own lateness: from the intended start to handing over to the connection pool. */
  readonly sendLagP99Ms: number;
  readonly sendLagMaxMs: number;
  /** CPU time of the generator's thread, per request. */
  readonly cpuUsPerRequest: number;
  readonly valid: boolean;
  /** Empty when valid. */
  readonly invalidBecause: readonly string[];
  readonly series: readonly LoadPoint[];
}

export interface ServiceTimes {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Why a request has no complete answer. `connect-failed` is any failure to connect but a refusal; `bad-answer` is an
 * answer that is not HTTP.
 */
export type RequestErrorKind =
  | 'connect-refused'
  | 'connect-failed'
  | 'reset'
  | 'timeout'
  | 'bad-answer'
  | 'other';

/** One interval of a running load, for live views. Percentiles are 0 when nothing ended. */
export interface LoadInterval extends LoadPoint {
  readonly inFlight: number;
  /** Since the start of the run. */
  readonly droppedTotal: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}
