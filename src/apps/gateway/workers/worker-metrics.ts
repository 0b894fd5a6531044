import { mergeMetrics } from '../metrics/merge-metrics.ts';
import type { MetricFamily, ProcessMetrics } from '../metrics/metric-family.ts';

/**
 * What all workers of a gateway have counted for people. Counters must never fall, or a scraper takes it for a new
 * beginning and counts all that is there once more: so what a worker told last stays when it has ended, and stands in for one
 * that does not answer.
 */
export class WorkerMetrics {
  readonly #last = new Map<object, ProcessMetrics>();
  #past: readonly MetricFamily[] = [];

  /** `worker` stands for one process from its start to its end. */
  heard(worker: object, metrics: ProcessMetrics): void {
    this.#last.set(worker, metrics);
  }

  /** What it counted since it told last is lost. */
  ended(worker: object): void {
    const last = this.#last.get(worker);
    if (last === undefined) return;
    this.#last.delete(worker);
    const past = { worker: null, families: this.#past };
    this.#past = mergeMetrics([past, { worker: null, families: last.families.filter(isKept) }]);
  }

  all(): readonly ProcessMetrics[] {
    return [...this.#last.values(), { worker: null, families: this.#past }];
  }
}

/** What grows over all processes; what a worker was or had open is gone with it. */
function isKept({ kind, merge }: MetricFamily): boolean {
  return merge === 'sum' && (kind === 'counter' || kind === 'histogram');
}
