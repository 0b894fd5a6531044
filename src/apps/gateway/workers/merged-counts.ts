import { SampleDeltas } from '../../../adapters/gateway/sample-deltas.ts';
import type { InstanceCount } from '../../../domain/traffic/samples/traffic-sample.ts';
import type { Counter, Counters } from '../counters.ts';
import type { CountedMessage } from './worker-message.ts';

/**
 * What workers have counted, summed into counters that only grow.
 *
 * - M1. Workers tell totals; what one has grown by since its last message is added, once. One that ends leaves what it
 *   has told, one that takes its place begins at 0.
 * - M2. What was counted under a table that is not in force everywhere yet waits, so that no sample spans two tables.
 */
export class MergedCounts {
  readonly #counters: Counters;
  readonly #deltas = new WeakMap<object, SampleDeltas>();
  /** Instances that a worker has ejected and not let in again. */
  readonly #ejected = new WeakMap<object, Map<Counter, number>>();
  #held: { readonly worker: object; readonly message: CountedMessage }[] = [];

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** `worker` stands for one process from its start to its end; `version` is in force everywhere. */
  take(worker: object, message: CountedMessage, version: number): void {
    if (message.counters.length === 0) return;
    if (message.version > version) this.#held.push({ worker, message });
    else this.#add(worker, message);
  }

  /** The worker has ended: what it had ejected, nobody has ejected any more. */
  ended(worker: object): void {
    for (const [counter, count] of this.#ejected.get(worker) ?? []) counter.readmissions += count;
    this.#ejected.delete(worker);
  }

  /** `version` has come into force everywhere. */
  release(version: number): void {
    const held = this.#held;
    this.#held = held.filter(({ message }) => message.version > version);
    for (const { worker, message } of held) {
      if (message.version <= version) this.#add(worker, message);
    }
  }

  #add(worker: object, { counters }: CountedMessage): void {
    let deltas = this.#deltas.get(worker);
    if (deltas === undefined) {
      deltas = new SampleDeltas();
      this.#deltas.set(worker, deltas);
    }
    for (const sample of deltas.samples({ type: 'samples', atMs: 0, counters })) {
      const { service, counts, apart = [] } = sample;
      for (const { stratum = null, setAside = null, ...count } of counts) {
        const counter = this.#counters.counter({ ...count, service, stratum, setAside });
        counter.add(count);
        if (count.ejections !== undefined) this.#noteEjections(worker, counter, count);
      }
      for (const { kind: setAside, ...count } of apart) {
        const key = { ...count, service, isMatched: false, stratum: null, setAside };
        this.#counters.counter(key).add(count);
      }
    }
  }
  #noteEjections(worker: object, counter: Counter, count: Partial<InstanceCount>): void {
    const ejected = this.#ejected.get(worker) ?? new Map<Counter, number>();
    const { ejections = 0, readmissions = 0 } = count;
    ejected.set(counter, (ejected.get(counter) ?? 0) + ejections - readmissions);
    this.#ejected.set(worker, ejected);
  }
}
