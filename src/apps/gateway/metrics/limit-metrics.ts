import type { OverLimits } from '../limits/route-limits.ts';
import type { MetricFamily } from './metric-family.ts';

/** Requests answered 429, by the limit they were beyond. Whose they were is not told: a key may be a secret. */
export class LimitMetrics {
  readonly #counts = new Map<string, { service: string; limit: string; count: number }>();

  refused({ service, limits }: OverLimits): void {
    for (const limit of limits) {
      const name = `${service}\0${limit}`;
      const known = this.#counts.get(name);
      if (known === undefined) this.#counts.set(name, { service, limit, count: 1 });
      else known.count += 1;
    }
  }

  families(): readonly MetricFamily[] {
    return [
      {
        kind: 'counter',
        merge: 'sum',
        name: 'tidegate_gateway_rate_limited',
        help: 'Requests that were beyond a rate limit, by the limit.',
        points: [...this.#counts.values()].map(({ service, limit, count }) => ({
          labels: { tidegate_service: service, tidegate_limit: limit },
          value: count,
        })),
      },
    ];
  }
}
