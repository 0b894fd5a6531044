import type { MetricFamily } from './metric-family.ts';

export type FaultKind = 'delay' | 'abort' | 'reset';

/** Faults that were injected on purpose, so that whoever sees trouble in the other numbers can tell it from real one. */
export class FaultMetrics {
  readonly #counts = new Map<string, { service: string; kind: FaultKind; count: number }>();

  injected(service: string, kind: FaultKind): void {
    const name = `${service}\0${kind}`;
    const known = this.#counts.get(name);
    if (known === undefined) this.#counts.set(name, { service, kind, count: 1 });
    else known.count += 1;
  }

  families(): readonly MetricFamily[] {
    return [
      {
        kind: 'counter',
        merge: 'sum',
        name: 'tidegate_gateway_faults_injected',
        help: 'Requests that a fault was injected into on purpose, by what was done.',
        points: [...this.#counts.values()].map(({ service, kind, count }) => ({
          labels: { tidegate_service: service, tidegate_fault: kind },
          value: count,
        })),
      },
    ];
  }
}
