import type { CounterReading, FromGateway } from './control-message.ts';

/** Of one reading of totals: who gets nothing from now on, and who gets requests again (or has left the routes). */
export interface EjectionChange {
  readonly service: string;
  readonly instanceId: string;
  readonly isEjected: boolean;
}

/** Which instances the gateway has ejected, from the totals it tells. */
export class Ejections {
  #epoch: string | null = null;
  readonly #open = new Map<number, Ejected>();
  #instanceIds: ReadonlySet<string> = new Set();

  /** Ids of instances that get nothing now, in one of the gateway's processes at least. */
  get instanceIds(): ReadonlySet<string> {
    return this.#instanceIds;
  }

  /** As `take`; of another gateway process, nothing that the one before had ejected is. */
  hello({ epoch, counters }: Extract<FromGateway, { type: 'hello' }>): readonly EjectionChange[] {
    const before = this.#services();
    if (this.#epoch !== epoch) this.#open.clear();
    this.#epoch = epoch;
    return this.#take(counters, before);
  }

  /** Returns what has changed by it. */
  take(counters: readonly CounterReading[]): readonly EjectionChange[] {
    if (this.#open.size === 0 && counters.every(({ ejections = 0 }) => ejections === 0)) return [];
    return this.#take(counters, this.#services());
  }

  #take(
    counters: readonly CounterReading[],
    before: ReadonlyMap<string, string>,
  ): readonly EjectionChange[] {
    for (const { generation, service, instanceId, ejections = 0, readmissions = 0 } of counters) {
      if (ejections > readmissions) this.#open.set(generation, { service, instanceId });
      else this.#open.delete(generation);
    }
    const now = this.#services();
    this.#instanceIds = new Set(now.keys());
    return [...changes(now, before, true), ...changes(before, now, false)];
  }

  /** By instance. */
  #services(): ReadonlyMap<string, string> {
    return new Map([...this.#open.values()].map((each) => [each.instanceId, each.service]));
  }
}

interface Ejected {
  readonly service: string;
  readonly instanceId: string;
}

/** Those that are in the one and not in the other. */
function changes(
  these: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
  isEjected: boolean,
): readonly EjectionChange[] {
  const only = [...these].filter(([instanceId]) => !others.has(instanceId));
  return only.map(([instanceId, service]) => ({ service, instanceId, isEjected }));
}
