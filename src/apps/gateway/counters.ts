import type { CounterReading } from '../../adapters/gateway/control-message.ts';
import type {
  CountedApart,
  InstanceCount,
  SetAside,
} from '../../domain/traffic/samples/traffic-sample.ts';
import { RequestMetrics, type RevisionRequests } from './metrics/request-metrics.ts';
import { latencyBucket, latencyBucketCount } from '../../domain/traffic/samples/latency-buckets.ts';

/** No answer from an instance: refused, reset, timed out, or no instance. See `InstanceCount.byStatusClass`. */
export const noAnswer = 5;

/**
 * What one instance answered, as totals. A request counts once, when it has ended: its answer's last byte came, it
 * failed, or (upgrades) the tunnel was opened. A request whose caller hung up before that is not counted: it says
 * nothing about the instance.
 */
export class Counter {
  readonly generation: number;
  readonly service: string;
  readonly revisionId: string;
  readonly instanceId: string;
  readonly isMatched: boolean;
  readonly stratum: string | null;
  readonly setAside: SetAside | CountedApart | null;
  readonly byStatusClass = new Float64Array(6);
  readonly latency = new Float64Array(latencyBucketCount);
  /** Where the same requests are counted for people, as their callers saw them. */
  readonly requests: RevisionRequests;
  /** Requests counted; grows with each change, so a reader sees by it whether there is anything new. */
  ended = 0;
  /** Requests that have been sent there and whose caller still waits. */
  underWay = 0;
  /** Times the instance was ejected, and was let in again, by requests counted here; ejected now while they differ. */
  ejections = 0;
  readmissions = 0;

  constructor(generation: number, key: CounterKey, requests: RevisionRequests) {
    this.generation = generation;
    this.requests = requests;
    this.service = key.service;
    this.revisionId = key.revisionId;
    this.instanceId = key.instanceId;
    this.isMatched = key.isMatched;
    this.stratum = key.stratum;
    this.setAside = key.setAside;
  }

  /** `statusClass` is 0-4 for answers 1xx-5xx, or `noAnswer`; the latency runs from the request's head to its end. */
  count(statusClass: number, latencyUs: number): void {
    const bucket = latencyBucket(latencyUs);
    this.byStatusClass[statusClass] = (this.byStatusClass[statusClass] ?? 0) + 1;
    this.latency[bucket] = (this.latency[bucket] ?? 0) + 1;
    this.ended += 1;
  }

  /** What another process has counted. */
  add({ byStatusClass, latency, ejections = 0, readmissions = 0 }: Added): void {
    this.ejections += ejections;
    this.readmissions += readmissions;
    for (const [statusClass, ended] of byStatusClass.entries()) {
      this.byStatusClass[statusClass] = (this.byStatusClass[statusClass] ?? 0) + ended;
      this.ended += ended;
    }
    for (const [bucket, ended] of latency)
      this.latency[bucket] = (this.latency[bucket] ?? 0) + ended;
  }
}

type Added = Pick<InstanceCount, 'byStatusClass' | 'latency' | 'ejections' | 'readmissions'>;

export interface CounterKey {
  readonly service: string;
  readonly revisionId: string;
  /** Empty: no instance was there. */
  readonly instanceId: string;
  /** Sent there by a header match. */
  readonly isMatched: boolean;
  /** Null: the route has no strata, or the requests are no evidence. */
  readonly stratum: string | null;
  /** Null: not set aside. */
  readonly setAside: SetAside | CountedApart | null;
}

/** All counters of this gateway process. */
export class Counters {
  readonly #counters = new Map<string, Counter>();
  readonly #requests: RequestMetrics;
  #generations = 0;

  constructor(requests: RequestMetrics = new RequestMetrics()) {
    this.#requests = requests;
  }

  counter(key: CounterKey): Counter {
    const name = nameOf(key);
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      this.#generations += 1;
      const requests = this.#requests.revision(key.service, key.revisionId);
      counter = new Counter(this.#generations, key, requests);
      this.#counters.set(name, counter);
    }
    return counter;
  }

  all(): IteratorObject<Counter> {
    return this.#counters.values();
  }

  /** Forgets counters; requests still under way on them are not reported any more. */
  drop(counters: Iterable<Counter>): void {
    for (const counter of counters) this.#counters.delete(nameOf(counter));
    // What was counted for people goes with the revision's last counter.
    this.#requests.retain(new Set(this.#counters.values().map(({ requests }) => requests)));
  }
}

/** What a listener has been told: totals by counter. */
export class Reported {
  readonly #told: Map<Counter, Told>;

  constructor(previous: Reported | null = null) {
    this.#told = new Map();
    for (const [counter, told] of previous === null ? [] : previous.#told) {
      this.#told.set(counter, copyOf(told));
    }
  }

  /** Everything told so far. */
  readings(): readonly CounterReading[] {
    return [...this.#told].map(([counter, told]) => reading(counter, told, null));
  }

  /** What has changed since, which is told by this. */
  news(counters: Iterable<Counter>): readonly CounterReading[] {
    const changed: CounterReading[] = [];
    for (const counter of counters) {
      const told = this.#told.get(counter);
      if (isTold(counter, told)) continue;
      changed.push(reading(counter, counter, told?.latency ?? null));
      this.#told.set(counter, copyOf(counter));
    }
    return changed;
  }

  forget(counters: Iterable<Counter>): void {
    for (const counter of counters) this.#told.delete(counter);
  }
}

interface Told {
  readonly ended: number;
  readonly byStatusClass: Float64Array;
  readonly latency: Float64Array;
  readonly ejections: number;
  readonly readmissions: number;
}

function copyOf({ ended, byStatusClass, latency, ejections, readmissions }: Told): Told {
  return {
    ended,
    byStatusClass: byStatusClass.slice(),
    latency: latency.slice(),
    ejections,
    readmissions,
  };
}

function isTold(counter: Counter, told: Told | undefined): boolean {
  const standings = counter.ejections + counter.readmissions;
  if (told === undefined) return counter.ended === 0 && standings === 0;
  return counter.ended === told.ended && standings === told.ejections + told.readmissions;
}

function reading(counter: Counter, totals: Told, before: Float64Array | null): CounterReading {
  const latency: [number, number][] = [];
  for (const [bucket, total] of totals.latency.entries()) {
    if (total !== (before?.[bucket] ?? 0)) latency.push([bucket, total]);
  }
  const { generation, service, revisionId, instanceId, isMatched, stratum, setAside } = counter;
  return {
    generation,
    service,
    revisionId,
    instanceId,
    isMatched,
    byStatusClass: [...totals.byStatusClass],
    latency,
    ...(totals.ejections === 0
      ? {}
      : { ejections: totals.ejections, readmissions: totals.readmissions }),
    ...(stratum === null ? {} : { stratum }),
    ...(setAside === null ? {} : { setAside }),
  };
}

function nameOf(key: CounterKey): string {
  const { service, revisionId, instanceId, isMatched, stratum, setAside } = key;
  return [service, revisionId, instanceId, isMatched, stratum, setAside].join('\0');
}
