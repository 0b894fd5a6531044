import { otherStratum } from '../../domain/traffic/samples/request-class.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import type { Counter, Counters } from './counters.ts';

/** A counter of an instance that left the table is kept this long after its last change. */
const forgetAfterMs = 600_000;

/** Drops the counters of what has left the table, some time after nothing changes in them any more. */
export class Forgetting implements Disposable {
  readonly #counters: Counters;
  readonly #left = new Map<Counter, { ended: number; sinceMs: number }>();
  readonly #timer: NodeJS.Timeout;

  /** `onGone` hears of counters that are no more. */
  constructor(
    counters: Counters,
    table: () => RouteTable | null,
    onGone: (gone: readonly Counter[]) => void,
  ) {
    this.#counters = counters;
    this.#timer = setInterval(() => onGone(this.#forget(table())), forgetAfterMs / 10);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #forget(table: RouteTable | null): readonly Counter[] {
    const gone: Counter[] = [];
    for (const counter of this.#counters.all()) {
      const known = this.#left.get(counter);
      if (isServed(table, counter)) this.#left.delete(counter);
      else if (known?.ended !== counter.ended) {
        this.#left.set(counter, { ended: counter.ended, sinceMs: performance.now() });
      } else if (performance.now() - known.sinceMs > forgetAfterMs) gone.push(counter);
    }
    for (const counter of gone) this.#left.delete(counter);
    this.#counters.drop(gone);
    return gone;
  }
}

function isServed(table: RouteTable | null, counter: Counter): boolean {
  const { service, revisionId, instanceId, stratum } = counter;
  const routes = table === null ? [] : table.routes.filter((route) => route.service === service);
  return routes.some(({ backends, strata = [] }) => {
    const isCounted =
      stratum === null || stratum === otherStratum || strata.some(({ name }) => name === stratum);
    // A stratum that left the route: its last request may still be under way, while the instance stays.
    if (!isCounted) return counter.underWay > 0;
    const backend = backends.find((backend) => backend.revisionId === revisionId);
    if (backend === undefined || instanceId === '') return backend !== undefined;
    return backend.endpoints.some((endpoint) => endpoint.instanceId === instanceId);
  });
}
