/**
 * Looks at what instances publish of themselves, for the services whose rollout asks for it, and hands on what has happened
 * between two looks.
 *
 * S1  All instances of both arms are asked at the same moment, so that what is compared is of the same time.
 * S2  An instance that could not be read begins anew at its next look: its counts never span more than one interval.
 * S3  What could not be read is a fault with its reason, never a count.
 * S4  One look of a service at a time; one that is late makes the next one late, never two at once.
 */
import {
  type MetricBaseline,
  type MetricDelta,
  metricStep,
} from '../../domain/traffic/samples/metric-deltas.ts';
import type {
  MetricCount,
  MetricFault,
  MetricInterval,
} from '../../domain/traffic/samples/metric-interval.ts';
import type { MetricSelection } from '../../domain/traffic/samples/metric-selection.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Clock } from '../../ports/clock.ts';
import { type InstanceMetrics, InstanceMetricsError } from '../../ports/instance-metrics.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import type { Instance } from '../../ports/platform.ts';

/** One service whose instances are asked. */
export interface ScrapeTarget {
  readonly service: string;
  readonly path: string;
  readonly intervalMs: number;
  readonly metrics: readonly { readonly name: string; readonly source: MetricSelection }[];
  /** Of both arms. */
  readonly revisionIds: readonly string[];
  /** Of these revisions, all that take traffic. */
  readonly instances: readonly Instance[];
}

interface Look {
  readonly startedAtMs: number;
  /** By instance; those that could not be read are not in it (S2). */
  readonly baselines: ReadonlyMap<string, InstanceBaseline>;
}

interface InstanceBaseline {
  /** A process of another start has other totals. */
  readonly startedAtMs: number | null;
  readonly byMetric: ReadonlyMap<string, MetricBaseline>;
}

/** How often it is seen whether somebody is due. */
const pollMs = 100;

export class MetricScraper implements MetricsSource {
  readonly #metrics: Pick<InstanceMetrics, 'read'>;
  readonly #clock: Clock;
  readonly #targets: () => readonly ScrapeTarget[];
  readonly #listeners = new Set<(sample: TrafficSample) => void>();
  readonly #looks = new Map<string, Look>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(parts: {
    readonly metrics: Pick<InstanceMetrics, 'read'>;
    readonly clock: Clock;
    readonly targets: () => readonly ScrapeTarget[];
  }) {
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
    this.#targets = parts.targets;
  }

  subscribe(listener: (sample: TrafficSample) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Until the signal is aborted; rejects for a defect only. */
  async run(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    while (!signal.aborted && failures.length === 0) {
      const targets = this.#targets();
      this.#forget(targets);
      for (const target of targets) {
        if (!this.#isDue(target)) continue;
        const look = this.#look(target, signal)
          .catch((error: unknown) => {
            if (!signal.aborted) failures.push(error);
          })
          .finally(() => this.#running.delete(target.service));
        this.#running.set(target.service, look);
      }
      await this.#clock.sleep(pollMs, signal).catch(() => undefined);
    }
    await Promise.all(this.#running.values());
    if (failures.length > 0) throw failures[0];
  }

  #isDue({ service, intervalMs }: ScrapeTarget): boolean {
    if (this.#running.has(service)) return false;
    const last = this.#looks.get(service);
    return last === undefined || this.#clock.nowMs() - last.startedAtMs >= intervalMs;
  }

  #forget(targets: readonly ScrapeTarget[]): void {
    const asked = new Set(targets.map(({ service }) => service));
    for (const service of this.#looks.keys()) {
      if (!asked.has(service)) this.#looks.delete(service);
    }
  }

  async #look(target: ScrapeTarget, signal: AbortSignal): Promise<void> {
    const before = this.#looks.get(target.service) ?? null;
    const startedAtMs = this.#clock.nowMs();
    const seen = await Promise.all(
      target.instances.map((instance) => this.#lookAt(instance, target, { before, signal })),
    );
    signal.throwIfAborted();
    const baselines = new Map(
      seen.flatMap(({ id, baseline }) => (baseline === null ? [] : [[id, baseline] as const])),
    );
    this.#looks.set(target.service, { startedAtMs, baselines });
    if (before === null) return;
    const metrics = intervalOf(target, seen, before.startedAtMs);
    if (metrics.counts.length === 0 && metrics.faults.length === 0) return;
    const { service } = target;
    const sample = { atMs: this.#clock.nowMs(), service, counts: [], isCatchUp: false, metrics };
    for (const listener of this.#listeners) listener(sample);
  }

  async #lookAt(
    { id, revisionId, endpoint, startedAtMs }: Instance,
    { path, metrics }: ScrapeTarget,
    { before, signal }: { readonly before: Look | null; readonly signal: AbortSignal },
  ): Promise<Seen> {
    if (endpoint === null) return { id, revisionId, baseline: null, deltas: [], failure: null };
    const sources = metrics.map(({ source }) => source);
    let readings;
    try {
      readings = await this.#metrics.read({ endpoint, path }, sources, signal);
    } catch (error) {
      if (!(error instanceof InstanceMetricsError)) throw error;
      const failure = `${id}: ${error.message}`;
      return { id, revisionId, baseline: null, deltas: [], failure };
    }
    const known = before?.baselines.get(id) ?? null;
    const last = known !== null && known.startedAtMs === startedAtMs ? known.byMetric : null;
    const byMetric = new Map<string, MetricBaseline>();
    const deltas = metrics.map(({ name }, index) => {
      const reading = readings[index] ?? { kind: 'unusable', sentence: 'it was not read' };
      const step = metricStep(last?.get(name) ?? null, reading);
      if (step.baseline !== null) byMetric.set(name, step.baseline);
      return { metric: name, delta: step.delta };
    });
    return { id, revisionId, baseline: { startedAtMs, byMetric }, deltas, failure: null };
  }
}

interface Seen {
  readonly id: string;
  readonly revisionId: string;
  readonly baseline: InstanceBaseline | null;
  readonly deltas: readonly { readonly metric: string; readonly delta: MetricDelta }[];
  /** Null: it was read. */
  readonly failure: string | null;
}

function intervalOf(
  { metrics, revisionIds }: ScrapeTarget,
  seen: readonly Seen[],
  sinceMs: number,
): MetricInterval {
  const counts: MetricCount[] = [];
  const faults: MetricFault[] = [];
  for (const { name: metric } of metrics) {
    for (const revisionId of revisionIds) {
      const own = seen.filter((each) => each.revisionId === revisionId);
      const troubles: string[] = [];
      let sum: MetricCount | null = null;
      for (const { id, failure, deltas } of own) {
        const delta = deltas.find((each) => each.metric === metric)?.delta ?? { kind: 'none' };
        if (failure !== null) troubles.push(failure);
        else if (delta.kind === 'unusable') troubles.push(`${id}: ${delta.sentence}`);
        else if (delta.kind !== 'none') sum = plus(sum, { metric, revisionId, ...delta });
      }
      if (sum !== null) counts.push(sum);
      const [first] = troubles;
      if (first === undefined) continue;
      const more = troubles.length > 1 ? ` (and ${troubles.length - 1} more)` : '';
      const isBlind = troubles.length === own.length;
      faults.push({ metric, revisionId, sentence: `${first}${more}`, isBlind });
    }
  }
  return { sinceMs, counts, faults };
}

function plus(sum: MetricCount | null, more: MetricCount): MetricCount {
  if (sum?.kind === 'ratio' && more.kind === 'ratio') {
    return { ...sum, bad: sum.bad + more.bad, total: sum.total + more.total };
  }
  if (sum?.kind === 'histogram' && more.kind === 'histogram') {
    const counts = new Map(sum.histogram);
    for (const [bucket, count] of more.histogram) {
      counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    }
    return { ...sum, histogram: [...counts] };
  }
  return more;
}
