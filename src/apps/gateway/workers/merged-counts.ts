import { SampleDeltas } from '../../../adapters/gateway/sample-deltas.ts';
import type { Counters } from '../counters.ts';
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
        this.#counters.counter({ ...count, service, stratum, setAside }).add(count);
      }
      for (const { kind: setAside, ...count } of apart) {
        const key = { ...count, service, isMatched: false, stratum: null, setAside };
        this.#counters.counter(key).add(count);
      }
    }
  }
}
