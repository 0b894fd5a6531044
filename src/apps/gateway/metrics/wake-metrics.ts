import type { AwaitedPlace } from '../waking/waiting-requests.ts';
import type { MetricFamily } from './metric-family.ts';

interface ColdStarts {
  readonly service: string;
  count: number;
  seconds: number;
}

/** Revisions that were woken by requests, and requests that waited in vain. */
export class WakeMetrics {
  readonly #starts = new Map<string, ColdStarts>();
  readonly #ends = new Map<string, { service: string; reason: string; count: number }>();

  /** The first that waited goes on now. */
  woken({ service, sinceMs }: AwaitedPlace): void {
    const starts = this.#starts.get(service) ?? { service, count: 0, seconds: 0 };
    starts.count += 1;
    starts.seconds += (performance.now() - sinceMs) / 1000;
    this.#starts.set(service, starts);
  }

  /** One has ended without an instance. */
  ended(service: string, reason: string): void {
    const name = `${service}\0${reason}`;
    const ends = this.#ends.get(name) ?? { service, reason, count: 0 };
    ends.count += 1;
    this.#ends.set(name, ends);
  }

  families(
    standing: readonly { readonly place: AwaitedPlace; readonly waiting: number }[],
  ): readonly MetricFamily[] {
    const counter = { kind: 'counter', merge: 'sum' } as const;
    const starts = [...this.#starts.values()];
    return [
      {
        kind: 'gauge',
        merge: 'sum',
        name: 'tidegate_gateway_waiting_requests',
        help: 'Requests that wait for the first instance of a revision.',
        points: standing.map(({ place: { service, revisionId }, waiting }) => ({
          labels: { tidegate_service: service, tidegate_revision: revisionId },
          value: waiting,
        })),
      },
      {
        ...counter,
        name: 'tidegate_gateway_cold_starts',
        help: 'Times that requests waited for a first instance and it came, in each process that serves.',
        points: starts.map(({ service, count }) => ({
          labels: { tidegate_service: service },
          value: count,
        })),
      },
      {
        ...counter,
        name: 'tidegate_gateway_cold_start_wait_seconds',
        help: 'How long the first of them waited, summed.',
        points: starts.map(({ service, seconds }) => ({
          labels: { tidegate_service: service },
          value: seconds,
        })),
      },
      {
        ...counter,
        name: 'tidegate_gateway_waited_in_vain',
        help: 'Requests that waited for a first instance, or might not, and got none, by reason.',
        points: [...this.#ends.values()].map(({ service, reason, count }) => ({
          labels: { tidegate_service: service, reason },
          value: count,
        })),
      },
    ];
  }
}
