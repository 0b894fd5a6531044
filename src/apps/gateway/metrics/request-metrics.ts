import { methodNames } from '../http1/methods.ts';
import { Histogram } from './histogram.ts';
import type { HistogramPoint, Labels, MetricFamily } from './metric-family.ts';

/**
 * Bounds that the semantic conventions of OpenTelemetry advise for `http.server.request.duration`, in seconds
 * (opentelemetry.io/docs/specs/semconv/http/http-metrics).
 */
const durationBoundsSeconds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
/** The conventions advise none for sizes. */
const sizeBoundsBytes = [0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** Revisions that are counted apart; what is beyond them is counted as `other`. */
const revisionsMax = 500;
const other = 'other';

/** A request that has ended for its caller, however it ended. One object serves all requests of a connection. */
export interface EndedRequest {
  /** Of `method` in methods.ts. */
  readonly method: number;
  /** Came by TLS. */
  readonly isSecure: boolean;
  /** What the caller got, 100-599; 0: nothing. */
  readonly status: number;
  /** Why no instance's whole answer came to the caller; null: it did. */
  readonly error: string | null;
  readonly durationMs: number;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  /** Begins with the trace's 32 digits; null: no span of it is exported. */
  readonly traceId: Buffer | null;
  /** Since the Unix epoch. */
  readonly endedAtMs: number;
}

/**
 * Requests by service, revision, method and class of status, as their callers saw them: one that was tried twice is
 * one, with its whole time. (The counters that the gate judges by speak of instances instead, see counters.ts.)
 *
 * - M1. Counting makes no garbage but for the first request of a kind.
 * - M2. There are at most `revisionsMax` revisions, and each has a bounded number of series: methods and classes are few, and
 *   an error is one of the gateway's own words.
 */
export class RequestMetrics {
  readonly #revisions = new Map<string, RevisionRequests>();
  /** Requests for a host that nobody has. */
  readonly unrouted = new RevisionRequests('', '');
  readonly #other = new RevisionRequests(other, other);
  /** Revisions that were counted as `other`, each time one was asked for. */
  #overflows = 0;

  revision(service: string, revisionId: string): RevisionRequests {
    const name = `${service}\0${revisionId}`;
    const known = this.#revisions.get(name);
    if (known !== undefined) return known;
    if (this.#revisions.size >= revisionsMax) {
      this.#overflows += 1;
      return this.#other;
    }
    const made = new RevisionRequests(service, revisionId);
    this.#revisions.set(name, made);
    return made;
  }

  /** Forgets the revisions that nobody speaks of any more. */
  retain(kept: ReadonlySet<RevisionRequests>): void {
    for (const [name, each] of this.#revisions) if (!kept.has(each)) this.#revisions.delete(name);
  }

  families(): readonly MetricFamily[] {
    const all = [...this.#revisions.values(), this.unrouted, this.#other];
    const histogram = { kind: 'histogram', merge: 'sum' } as const;
    return [
      {
        ...histogram,
        name: 'http_server_request_duration_seconds',
        help: 'Requests by what their callers got, from the head of the request to the end of the answer.',
        bounds: durationBoundsSeconds,
        points: all.flatMap((each) => each.durations()),
      },
      {
        ...histogram,
        name: 'http_server_request_body_size_bytes',
        help: 'Bodies of requests as far as they were taken, without their framing.',
        bounds: sizeBoundsBytes,
        points: all.flatMap((each) => each.requestBodies()),
      },
      {
        ...histogram,
        name: 'http_server_response_body_size_bytes',
        help: 'Bodies of answers as far as they were handed on, without their framing.',
        bounds: sizeBoundsBytes,
        points: all.flatMap((each) => each.responseBodies()),
      },
      {
        kind: 'counter',
        merge: 'sum',
        name: 'tidegate_gateway_metric_overflows',
        help: `Times a revision was counted as "other" because there are ${revisionsMax} already.`,
        points: [{ labels: {}, value: this.#overflows }],
      },
    ];
  }
}

/** 1xx-5xx, and none. */
const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', ''] as const;
const noStatus = statusClasses.length - 1;
const kindCount = 2 * methodNames.length * statusClasses.length;

/** The requests of one revision. */
export class RevisionRequests {
  readonly #labels: Labels;
  /** By scheme, method and class, of those without an error. */
  readonly #answered: (Histogram | null)[] = Array.from({ length: kindCount }, () => null);
  /** By error, then as above. */
  readonly #failed = new Map<string, (Histogram | undefined)[]>();
  readonly #requestBodies = new Histogram(sizeBoundsBytes);
  readonly #responseBodies = new Histogram(sizeBoundsBytes);

  constructor(service: string, revisionId: string) {
    this.#labels = { tidegate_service: service, tidegate_revision: revisionId };
  }

  record(ended: EndedRequest): void {
    const { status, method, error, traceId } = ended;
    const statusClass = status === 0 ? noStatus : Math.min(4, Math.floor(status / 100) - 1);
    const methodKind = ended.isSecure ? method + methodNames.length : method;
    const kind = methodKind * statusClasses.length + statusClass;
    const histogram =
      error === null
        ? (this.#answered[kind] ??= new Histogram(durationBoundsSeconds))
        : this.#failure(error, kind);
    const seconds = ended.durationMs / 1000;
    const bucket = histogram.add(seconds);
    if (traceId !== null) histogram.exemplify(bucket, seconds, ended.endedAtMs, traceId);
    this.#requestBodies.add(ended.requestBodyBytes);
    this.#responseBodies.add(ended.responseBodyBytes);
  }

  durations(): readonly HistogramPoint[] {
    const points: HistogramPoint[] = [];
    for (const [kind, histogram] of this.#answered.entries()) {
      if (histogram !== null) points.push(histogram.point(this.#labelsOf(kind, '')));
    }
    for (const [error, histograms] of this.#failed) {
      for (const [kind, histogram] of histograms.entries()) {
        if (histogram !== undefined) points.push(histogram.point(this.#labelsOf(kind, error)));
      }
    }
    return points;
  }

  requestBodies(): readonly HistogramPoint[] {
    return this.#requestBodies.total === 0 ? [] : [this.#requestBodies.point(this.#labels)];
  }

  responseBodies(): readonly HistogramPoint[] {
    return this.#responseBodies.total === 0 ? [] : [this.#responseBodies.point(this.#labels)];
  }

  #failure(error: string, kind: number): Histogram {
    let histograms = this.#failed.get(error);
    if (histograms === undefined) {
      histograms = [];
      this.#failed.set(error, histograms);
    }
    let histogram = histograms[kind];
    if (histogram === undefined) {
      histogram = new Histogram(durationBoundsSeconds);
      histograms[kind] = histogram;
    }
    return histogram;
  }

  #labelsOf(kind: number, error: string): Labels {
    const methodKind = Math.floor(kind / statusClasses.length);
    return {
      ...this.#labels,
      url_scheme: methodKind < methodNames.length ? 'http' : 'https',
      http_request_method: methodNames[methodKind % methodNames.length] ?? '',
      http_response_status_code: statusClasses[kind % statusClasses.length] ?? '',
      error_type: error,
    };
  }
}
