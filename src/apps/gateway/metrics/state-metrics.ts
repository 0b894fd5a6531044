import { isApart } from '../../../domain/traffic/samples/traffic-sample.ts';
import type { Counters } from '../counters.ts';
import { type MetricFamily, scalar } from './metric-family.ts';

export interface GatewayState {
  readonly version: string;
  readonly engine: string;
  /** Of the routes in force; null: there are none. */
  readonly configVersion: number | null;
  /** Since the Unix epoch; null as above. */
  readonly configAppliedAtMs: number | null;
}

/** What this gateway is, and by which routes it serves. */
export function stateFamilies(state: GatewayState): readonly MetricFamily[] {
  const { version, engine, configVersion, configAppliedAtMs } = state;
  const gauge = { kind: 'gauge', merge: 'max' } as const;
  const labels = { version, node_version: process.versions.node, engine };
  const build: MetricFamily = {
    kind: 'info',
    merge: 'max',
    name: 'tidegate_gateway_build',
    help: 'Which gateway this is.',
    points: [{ labels, value: 1 }],
  };
  if (configVersion === null || configAppliedAtMs === null) return [build];
  return [
    build,
    scalar(
      {
        ...gauge,
        name: 'tidegate_gateway_config_version',
        help: 'Version of the routes in force.',
      },
      configVersion,
    ),
    scalar(
      {
        ...gauge,
        name: 'tidegate_gateway_config_applied_timestamp_seconds',
        help: 'When the routes in force came into force, since the Unix epoch.',
      },
      configAppliedAtMs / 1000,
    ),
  ];
}

/** Requests whose callers wait, by revision. */
export function activeFamilies(counters: Counters): readonly MetricFamily[] {
  const active = new Map<string, { service: string; revisionId: string; underWay: number }>();
  for (const { service, revisionId, underWay, setAside } of counters.all()) {
    // Copies have no callers; requests with a fault do.
    if (isApart(setAside) && setAside !== 'fault') continue;
    const name = `${service}\0${revisionId}`;
    const known = active.get(name);
    if (known === undefined) active.set(name, { service, revisionId, underWay });
    else known.underWay += underWay;
  }
  return [
    {
      kind: 'gauge',
      merge: 'sum',
      name: 'http_server_active_requests',
      help: 'Requests that have been sent to an instance and whose callers wait.',
      points: [...active.values()].map(({ service, revisionId, underWay }) => ({
        labels: { tidegate_service: service, tidegate_revision: revisionId },
        value: underWay,
      })),
    },
  ];
}
