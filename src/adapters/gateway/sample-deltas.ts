import {
  type ApartCount,
  type CountedApart,
  type InstanceCount,
  isApart,
  type TrafficSample,
} from '../../domain/traffic/samples/traffic-sample.ts';
import type { CounterReading, FromGateway } from './control-message.ts';

/**
 * Turns the gateway's totals into samples of disjoint intervals.
 *
 * - D1. What was in a sample is never in another: the baseline moves with each reading.
 * - D2. The first reading after a hello is a catch-up: it spans the time nobody listened.
 * - D3. A new listener starts at what the gateway had reported before (the hello's counters); one that comes back to
 *   the same epoch goes on from its own baseline; in a new epoch all counters start at 0.
 * - D4. atMs never goes back, even when the machine's clock does.
 */
export class SampleDeltas {
  #epoch: string | null = null;
  #totals = new Map<number, Totals>();
  #isCatchUp = true;
  #lastAtMs = 0;

  hello(message: Extract<FromGateway, { type: 'hello' }>): void {
    if (this.#epoch !== message.epoch) {
      const isNewListener = this.#epoch === null;
      this.#totals = new Map();
      if (isNewListener) for (const reading of message.counters) this.#delta(reading);
    }
    this.#epoch = message.epoch;
    this.#isCatchUp = true;
  }

  samples(message: Extract<FromGateway, { type: 'samples' }>): readonly TrafficSample[] {
    const { counters } = message;
    const isCatchUp = this.#isCatchUp;
    this.#isCatchUp = false;
    this.#lastAtMs = Math.max(this.#lastAtMs, message.atMs);
    const byService = new Map<string, { counts: InstanceCount[]; apart: ApartCount[] }>();
    for (const reading of counters) {
      const count = this.#delta(reading);
      if (count === null) continue;
      const own = byService.get(reading.service) ?? { counts: [], apart: [] };
      if (isApart(reading.setAside)) own.apart.push(apartOf(count, reading.setAside));
      else own.counts.push(countOf(count, reading));
      byService.set(reading.service, own);
    }
    return [...byService].map(([service, { counts, apart }]) => ({
      atMs: this.#lastAtMs,
      service,
      counts,
      isCatchUp,
      ...(apart.length === 0 ? {} : { apart }),
    }));
  }

  #delta(reading: CounterReading): Grown | null {
    const before = this.#totals.get(reading.generation) ?? {
      byStatusClass: [],
      latency: new Map(),
      ejections: 0,
      readmissions: 0,
    };
    const byStatusClass = reading.byStatusClass.map((total, index) => {
      return Math.max(0, total - (before.byStatusClass[index] ?? 0));
    });
    const latency: (readonly [number, number])[] = [];
    for (const [bucket, total] of reading.latency) {
      const grown = total - (before.latency.get(bucket) ?? 0);
      if (grown > 0) latency.push([bucket, grown]);
      before.latency.set(bucket, total);
    }
    const ejections = Math.max(0, (reading.ejections ?? 0) - before.ejections);
    const readmissions = Math.max(0, (reading.readmissions ?? 0) - before.readmissions);
    before.byStatusClass = reading.byStatusClass;
    before.ejections += ejections;
    before.readmissions += readmissions;
    this.#totals.set(reading.generation, before);
    const hasMoved = ejections + readmissions > 0;
    if (!hasMoved && byStatusClass.every((ended) => ended === 0)) return null;
    return {
      revisionId: reading.revisionId,
      instanceId: reading.instanceId,
      byStatusClass,
      latency,
      ...(hasMoved ? { ejections, readmissions } : {}),
    };
  }
}

type Grown = Omit<ApartCount, 'kind'> & Pick<InstanceCount, 'ejections' | 'readmissions'>;

function countOf(grown: Grown, { isMatched, stratum, setAside }: CounterReading): InstanceCount {
  return {
    ...grown,
    isMatched,
    ...(stratum === undefined ? {} : { stratum }),
    ...(setAside === undefined || isApart(setAside) ? {} : { setAside }),
  };
}

function apartOf(grown: Grown, kind: CountedApart): ApartCount {
  return { kind, ...grown };
}

interface Totals {
  byStatusClass: readonly number[];
  readonly latency: Map<number, number>;
  ejections: number;
  readmissions: number;
}
