import { type CountedApart, isApart } from '../../../domain/traffic/samples/traffic-sample.ts';
import type { Counter, Counters } from '../counters.ts';
import type { LiveRevision } from '../live-revision.ts';
import type { Labels, MetricFamily, ScalarPoint } from './metric-family.ts';

/** A revision in the routes, with what its circuit and its instances are doing. */
export interface RevisionStanding {
  readonly service: string;
  readonly revisionId: string;
  readonly revision: Pick<LiveRevision, 'circuit' | 'balance'>;
}

/** What balancing and resilience have done to instances and requests, and the copies that were made of requests. */
export function resilienceFamilies(
  counters: Counters,
  standings: readonly RevisionStanding[],
): readonly MetricFamily[] {
  const all = [...counters.all()];
  const ejected = all.filter((each) => each.ejections > 0);
  const total = { kind: 'counter', merge: 'sum' } as const;
  // Of several processes: the worst of what they see.
  const worst = { kind: 'gauge', merge: 'max' } as const;
  return [
    {
      ...total,
      name: 'tidegate_gateway_ejections',
      help: 'Times an instance was ejected because it failed too often in a row.',
      points: summed(ejected, instanceLabels, ({ ejections }) => ejections),
    },
    {
      ...worst,
      name: 'tidegate_gateway_ejected_instances',
      help: 'Instances that get nothing now because they failed too often in a row.',
      points: summed(ejected, revisionLabels, (each) => each.ejections - each.readmissions),
    },
    {
      ...total,
      name: 'tidegate_gateway_circuit_refusals',
      help: 'Requests that were refused because their revision had as much under way as its circuit breaker allows.',
      points: standings.map((each) => ({
        labels: revisionLabels(each),
        value: each.revision.circuit.refused,
      })),
    },
    {
      ...worst,
      name: 'tidegate_gateway_panicking',
      help: 'Whether ejections are passed over because too few instances are left (1) or not (0).',
      points: standings.map((each) => ({
        labels: revisionLabels(each),
        value: each.revision.balance.isPanicking ? 1 : 0,
      })),
    },
    {
      ...total,
      name: 'tidegate_gateway_mirrored_requests',
      help: 'Copies of requests for a candidate, by what became of them.',
      points: all.flatMap(copies),
    },
  ];
}

type Named = Pick<Counter, 'service' | 'revisionId'>;

function revisionLabels({ service, revisionId }: Named): Labels {
  return { tidegate_service: service, tidegate_revision: revisionId };
}

function instanceLabels(counter: Named & Pick<Counter, 'instanceId'>): Labels {
  return { ...revisionLabels(counter), tidegate_instance: counter.instanceId };
}

/** An instance has a counter for each class of requests. */
function summed(
  counters: readonly Counter[],
  labelsOf: (counter: Counter) => Labels,
  valueOf: (counter: Counter) => number,
): readonly ScalarPoint[] {
  const points = new Map<string, { labels: Labels; value: number }>();
  for (const counter of counters) {
    const labels = labelsOf(counter);
    const name = Object.values(labels).join('\0');
    const known = points.get(name);
    if (known === undefined) points.set(name, { labels, value: valueOf(counter) });
    else known.value += valueOf(counter);
  }
  return [...points.values()];
}

/** By revision and outcome; several instances are added up by the reader, who has them apart. */
function copies(counter: Counter): readonly ScalarPoint[] {
  const { setAside, byStatusClass, ended } = counter;
  if (!isApart(setAside) || setAside === 'fault' || ended === 0) return [];
  const point = (outcome: string, value: number): ScalarPoint => ({
    labels: { ...instanceLabels(counter), outcome },
    value,
  });
  if (setAside !== 'mirror') return [point(notSent[setAside], ended)];
  const failed = (byStatusClass[4] ?? 0) + (byStatusClass[5] ?? 0);
  return [point('answered', ended - failed), point('failed', failed)];
}

const notSent: Readonly<Record<Exclude<CountedApart, 'mirror' | 'fault'>, string>> = {
  'mirror-too-large': 'too_large',
  'mirror-overflow': 'overflow',
};
