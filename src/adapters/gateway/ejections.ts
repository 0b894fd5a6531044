import type { CounterReading, FromGateway } from './control-message.ts';

/** Which instances the gateway has ejected, from the totals it tells. */
export class Ejections {
  #epoch: string | null = null;
  readonly #open = new Map<number, { readonly instanceId: string; readonly count: number }>();
  #instanceIds: ReadonlySet<string> = new Set();

  /** Ids of instances that get nothing now, in one of the gateway's processes at least. */
  get instanceIds(): ReadonlySet<string> {
    return this.#instanceIds;
  }

  hello({ epoch, counters }: Extract<FromGateway, { type: 'hello' }>): void {
    if (this.#epoch !== epoch) this.#open.clear();
    this.#epoch = epoch;
    this.take(counters);
  }

  take(counters: readonly CounterReading[]): void {
    for (const { generation, instanceId, ejections = 0, readmissions = 0 } of counters) {
      const count = ejections - readmissions;
      if (count > 0) this.#open.set(generation, { instanceId, count });
      else this.#open.delete(generation);
    }
    this.#instanceIds = new Set([...this.#open.values()].map(({ instanceId }) => instanceId));
  }
}
