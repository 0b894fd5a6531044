import { FaultMetrics } from './fault-metrics.ts';
import { LimitMetrics } from './limit-metrics.ts';
import { type MetricFamily, scalar } from './metric-family.ts';
import { RequestMetrics } from './request-metrics.ts';

/** Whoever has numbers of its own and keeps them where they arise. */
export type MetricsSource = () => readonly MetricFamily[];

/**
 * What one process counts for Prometheus. There is one of these wherever bytes are moved; it knows nothing of who asks. A
 * gateway of several worker processes has one in each: `families` of each goes to the process that has the admin listener as
 * plain data (ProcessMetrics), is merged there and rendered.
 */
export class GatewayMetrics {
  readonly requests = new RequestMetrics();
  readonly faults = new FaultMetrics();
  readonly limits = new LimitMetrics();
  connectionsAccepted = 0;
  /** Attempts after a request's first. */
  retries = 0;
  /** Requests that were not tried again because too many had been. */
  retriesRefused = 0;
  /** Second requests to another instance beside a slow first: whether they brought the answer. */
  hedgesWon = 0;
  hedgesLost = 0;
  readonly #refusals = new Map<string, number>();
  readonly #sources = new Set<MetricsSource>();

  /** The gateway has answered in place of an instance, or let a connection go. */
  refused(reason: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  addSource(source: MetricsSource): void {
    this.#sources.add(source);
  }

  families(): readonly MetricFamily[] {
    const counter = { kind: 'counter', merge: 'sum' } as const;
    return [
      ...this.requests.families(),
      ...this.faults.families(),
      ...this.limits.families(),
      {
        ...counter,
        name: 'tidegate_gateway_refusals',
        help: 'Requests that the gateway answered itself, and connections it let go, by reason.',
        points: [...this.#refusals].map(([reason, value]) => ({ labels: { reason }, value })),
      },
      scalar(
        {
          ...counter,
          name: 'tidegate_gateway_connections_accepted',
          help: 'Connections that callers have made.',
        },
        this.connectionsAccepted,
      ),
      scalar(
        {
          ...counter,
          name: 'tidegate_gateway_retries',
          help: "Attempts after a request's first.",
        },
        this.retries,
      ),
      scalar(
        {
          ...counter,
          name: 'tidegate_gateway_retries_refused',
          help: 'Requests that were not tried again because the budget for it was spent.',
        },
        this.retriesRefused,
      ),
      {
        ...counter,
        name: 'tidegate_gateway_hedges',
        help: 'Second requests to another instance beside a slow first, by whether they brought the answer.',
        points: [
          { labels: { outcome: 'won' }, value: this.hedgesWon },
          { labels: { outcome: 'lost' }, value: this.hedgesLost },
        ],
      },
      ...[...this.#sources].flatMap((source) => source()),
    ];
  }
}
