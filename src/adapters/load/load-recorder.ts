import type { Histogram } from 'hdr-histogram-js';
import { build } from 'hdr-histogram-js';
import type {
  LoadInterval,
  LoadResult,
  RequestErrorKind,
  ServiceTimes,
} from '../../domain/load/load-result.ts';
import type { LoadPoint } from '../../domain/load/load-series.ts';
import { appendPoint } from '../../domain/load/load-series.ts';
import { invalidityReasons } from '../../domain/load/validity.ts';
import type { LoadRequest, RequestOutcome } from './load-request.ts';

/** What only the run itself knows at its end. */
export interface RunEnd {
  readonly targetRps: number;
  readonly durationMs: number;
  readonly scheduled: number;
  readonly sendLagP99LimitMs: number;
  readonly cpuUs: number;
}

/** Counts and histograms of one run. All offsets are milliseconds since its start. */
export class LoadRecorder {
  dropped = 0;
  /** Where the open interval began. */
  intervalFromMs = 0;
  /** A request sent later than this was not sent in time; the run sets it when it knows its end. */
  inTimeUntilMs = Infinity;
  readonly #startedAtMs: number;
  readonly #response = histogram(3);
  readonly #service = histogram(3);
  readonly #sendLag = histogram(3);
  readonly #intervalResponse = histogram(2);
  readonly #byStatus = new Map<string, number>();
  readonly #byError = new Map<RequestErrorKind, number>();
  readonly #series: LoadPoint[] = [];
  #requests = 0;
  #errors = 0;
  #intervalRequests = 0;
  #intervalErrors = 0;
  #sentInTime = 0;

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  recordSendLag(lagMs: number): void {
    record(this.#sendLag, lagMs);
  }

  recordSent(atMs: number): void {
    if (atMs <= this.inTimeUntilMs) this.#sentInTime += 1;
  }

  recordEnd(request: LoadRequest, outcome: RequestOutcome, nowMs: number): void {
    const isError = outcome.kind === 'failed' || outcome.status >= 400;
    if (outcome.kind === 'failed') count(this.#byError, outcome.error);
    else count(this.#byStatus, String(outcome.status));
    this.#intervalRequests += 1;
    if (isError) this.#intervalErrors += 1;
    record(this.#response, nowMs - request.intendedMs);
    record(this.#intervalResponse, nowMs - request.intendedMs);
    if (request.sentMs !== null) record(this.#service, nowMs - request.sentMs);
  }

  /** Moments are rounded to whole milliseconds, each end being the next beginning, so nothing falls between. */
  closeInterval(nowMs: number, inFlight: number): LoadInterval {
    const fromMs = Math.round(this.intervalFromMs);
    const point: LoadPoint = {
      atMs: this.#startedAtMs + fromMs,
      durationMs: Math.round(nowMs) - fromMs,
      requests: this.#intervalRequests,
      errors: this.#intervalErrors,
    };
    appendPoint(this.#series, point);
    this.#requests += point.requests;
    this.#errors += point.errors;
    const { p50Ms, p95Ms, p99Ms } = percentiles(this.#intervalResponse);
    this.intervalFromMs = nowMs;
    this.#intervalRequests = 0;
    this.#intervalErrors = 0;
    this.#intervalResponse.reset();
    return { ...point, inFlight, droppedTotal: this.dropped, p50Ms, p95Ms, p99Ms };
  }

  /** The last interval must have been closed. */
  result(end: RunEnd): LoadResult {
    const sendLagP99Ms = toMs(this.#sendLag.getValueAtPercentile(99));
    const achievedRps = end.durationMs > 0 ? (this.#sentInTime * 1000) / end.durationMs : 0;
    const invalidBecause = invalidityReasons({
      targetRps: end.targetRps,
      achievedRps,
      dropped: this.dropped,
      sendLagP99Ms,
      sendLagP99LimitMs: end.sendLagP99LimitMs,
    });
    return {
      targetRps: end.targetRps,
      achievedRps,
      startedAtMs: this.#startedAtMs,
      durationMs: Math.round(end.durationMs),
      scheduled: end.scheduled,
      requests: this.#requests,
      dropped: this.dropped,
      errors: this.#errors,
      byStatus: Object.fromEntries(this.#byStatus),
      byError: Object.fromEntries(this.#byError),
      ...percentiles(this.#response),
      p999Ms: toMs(this.#response.getValueAtPercentile(99.9)),
      service: percentiles(this.#service),
      sendLagP99Ms,
      sendLagMaxMs: toMs(this.#sendLag.maxValue),
      cpuUsPerRequest: this.#requests > 0 ? end.cpuUs / this.#requests : 0,
      valid: invalidBecause.length === 0,
      invalidBecause,
      series: this.#series,
    };
  }
}

/** Histograms hold microseconds, up to 10 minutes; the longest request is cut at one (`timeoutMs`). */
const latencyMaxUs = 600_000_000;

function histogram(significantDigits: 2 | 3): Histogram {
  return build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: latencyMaxUs,
    numberOfSignificantValueDigits: significantDigits,
  });
}

function record(into: Histogram, latencyMs: number): void {
  into.recordValue(Math.min(latencyMaxUs, Math.max(0, Math.round(latencyMs * 1000))));
}

function percentiles(of: Histogram): ServiceTimes {
  return {
    p50Ms: toMs(of.getValueAtPercentile(50)),
    p95Ms: toMs(of.getValueAtPercentile(95)),
    p99Ms: toMs(of.getValueAtPercentile(99)),
    maxMs: toMs(of.maxValue),
  };
}

function toMs(us: number): number {
  return us / 1000;
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
