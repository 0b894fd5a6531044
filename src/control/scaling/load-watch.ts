import type { Revision } from '../../domain/release/revision.ts';
import type { LoadNeed } from '../../domain/scaling/capacity-guard.ts';
import type { InstanceUsage, MetricTarget } from '../../domain/scaling/metric-advice.ts';
import {
  coresOf,
  memoryOf,
  spanMsMin,
  type UseWindow,
  withReading,
} from '../../domain/scaling/use-window.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Instance } from '../../ports/platform.ts';
import type { InstanceUse } from '../../ports/usage-source.ts';
import type { Gauges } from './gauge-reader.ts';
import { RequestRates } from './request-rates.ts';

/** Rates and CPU are means of so long. */
const windowMs = 6_000;

/**
 * What instances use and are asked for, as scaling wants to know it.
 *
 * When an instance comes or goes the others' share changes, so all of the service is measured anew from then on: values of before and
 * after, added up, would count the same load twice.
 */
export class LoadWatch {
  readonly #rates = new RequestRates(windowMs);
  readonly #windows = new Map<string, UseWindow>();
  #gauges: Gauges = new Map();
  /** Since when each service has the instances that take its requests now. */
  readonly #members = new Map<string, Members>();

  addSample(sample: TrafficSample): void {
    this.#rates.add(sample);
  }

  /** One look; what an instance used before it was ready says nothing of the load. */
  look(
    instances: readonly Instance[],
    uses: readonly InstanceUse[],
    { gauges, nowMs }: { readonly gauges: Gauges; readonly nowMs: number },
  ): void {
    this.#gauges = gauges;
    const up = instances.filter(({ state }) => state === 'ready' || state === 'unready');
    this.#noteMembers(up, nowMs);
    const byId = new Map(uses.map((use) => [use.instanceId, use]));
    const present = new Set(up.map(({ id }) => id));
    for (const { id } of up) {
      const use = byId.get(id);
      if (use === undefined) continue;
      const { measuredAtMs: atMs, startedAtMs, cpuSeconds, memoryBytes } = use;
      const reading = { atMs, cpuSeconds, memoryBytes };
      const before = this.#windows.get(id) ?? null;
      this.#windows.set(id, withReading(before, startedAtMs, reading, windowMs));
    }
    for (const id of this.#windows.keys()) if (!present.has(id)) this.#windows.delete(id);
    this.#rates.tidy(present, nowMs);
  }

  /** Of one metric, by instance. `isHeard`: the router's samples come, so that silence means no requests. */
  usages(
    metric: MetricTarget['metric'],
    revision: Revision,
    { instances, nowMs, isHeard }: Moment,
  ): readonly InstanceUsage[] {
    return instances
      .filter((each) => each.revisionId === revision.id && each.state !== 'stopping')
      .map(({ id, state }) => ({
        instanceId: id,
        isReady: state === 'ready',
        value: this.#value(metric, id, { revision, nowMs, isHeard }),
      }));
  }

  /**
   * What all arms together have to carry, in the units of one of them; null: it is not known of a metric. Memory is left out, as are
   * metrics of the service's own: who knows whether they move with requests.
   */
  needs(of: Revision, arms: readonly Revision[], moment: Moment): readonly LoadNeed[] | null {
    const needs: LoadNeed[] = [];
    for (const { metric, perInstance } of of.scale?.targets ?? []) {
      if (metric !== 'cpu' && metric !== 'requestsPerSecond') continue;
      const known = arms.flatMap((arm) =>
        this.usages(metric, arm, moment).flatMap(({ value }) =>
          value === null ? [] : [metric === 'cpu' ? value * requestedCores(arm) : value],
        ),
      );
      if (known.length === 0) return null;
      const load = known.reduce((sum, each) => sum + each, 0);
      const each = metric === 'cpu' ? perInstance * requestedCores(of) : perInstance;
      needs.push({ metric, load, perInstance: each });
    }
    return needs;
  }

  #value(
    metric: string,
    id: string,
    {
      revision,
      nowMs,
      isHeard,
    }: Pick<Moment, 'nowMs' | 'isHeard'> & { readonly revision: Revision },
  ): number | null {
    const window = this.#windows.get(id);
    switch (metric) {
      case 'cpu': {
        const cores = window === undefined ? null : coresOf(window);
        return cores === null ? null : cores / requestedCores(revision);
      }
      case 'memory': {
        const bytes = window === undefined ? null : memoryOf(window);
        const requested = revision.requests?.memoryBytes;
        return bytes === null || requested === undefined ? null : bytes / requested;
      }
      case 'requestsPerSecond': {
        const members = this.#members.get(revision.service);
        if (!isHeard || members?.ids.has(id) !== true) return null;
        if (nowMs - members.sinceMs < spanMsMin) return null;
        return this.#rates.perSecond(id, members.sinceMs, nowMs);
      }
      default:
        return this.#gauges.get(id)?.get(metric) ?? null;
    }
  }

  #noteMembers(up: readonly Instance[], nowMs: number): void {
    const byService = Map.groupBy(up, ({ service }) => service);
    for (const [service, members] of byService) {
      const ids = new Set(members.map(({ id }) => id));
      const known = this.#members.get(service);
      if (known !== undefined && isSame(known.ids, ids)) continue;
      this.#members.set(service, { ids, sinceMs: nowMs });
      for (const id of ids) this.#windows.delete(id);
    }
    for (const service of this.#members.keys()) {
      if (!byService.has(service)) this.#members.delete(service);
    }
  }
}

function isSame(before: ReadonlySet<string>, now: ReadonlySet<string>): boolean {
  return before.size === now.size && [...now].every((id) => before.has(id));
}

interface Members {
  readonly ids: ReadonlySet<string>;
  readonly sinceMs: number;
}

export interface Moment {
  readonly instances: readonly Instance[];
  readonly nowMs: number;
  readonly isHeard: boolean;
}

/** A process that has nothing requested is measured by one core. */
export function requestedCores({ requests }: Revision): number {
  return requests?.cpuCores ?? 1;
}
