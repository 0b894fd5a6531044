import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';

/** Services of the table whose requests are to be hedged, by their own retries or those of a rule, in order. */
export function hedgedServices({ routes }: RouteTable): readonly string[] {
  const hedged = routes.filter(({ policy, rules = [] }) => {
    const all = [policy?.retries, ...rules.map(({ retries }) => retries)];
    return all.some((retries) => retries?.hedgeAfterMs !== undefined);
  });
  return hedged.map(({ service }) => service);
}

/** Says so where a table asks for what this engine doesn't do; each service once. */
export class HedgeNotice {
  readonly #told = new Set<string>();
  readonly #log: (message: string) => void;

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  tell(table: RouteTable): void {
    const news = hedgedServices(table).filter((service) => !this.#told.has(service));
    if (news.length === 0) return;
    for (const service of news) this.#told.add(service);
    this.#log(
      `the engine compat hedges no requests, so retries.hedgeAfter of ${news.join(', ')} has no effect: use --engine fast`,
    );
  }
}
