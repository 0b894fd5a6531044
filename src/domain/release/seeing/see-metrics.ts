import type { CustomObservation } from '../../gate/custom-metrics.ts';
import type { MetricObservation } from '../../gate/verdict.ts';
import type { MetricCount, MetricInterval } from '../../traffic/samples/metric-interval.ts';
import type { Rollout } from '../service-state.ts';

/** What the instances counted, by arm. A metric of which one arm is not known is no evidence in this interval. */
export function metricsIn(
  { candidate, stable, gate }: Rollout,
  interval: MetricInterval,
  atMs: number,
): MetricObservation {
  const arms = [candidate.id, ...(stable === null ? [] : [stable.id])];
  const faults = interval.faults.filter(({ revisionId }) => arms.includes(revisionId));
  const isBlind = (name: string): boolean =>
    faults.some((fault) => fault.metric === name && fault.isBlind);
  const countOf = (name: string, revisionId: string | undefined): MetricCount | undefined =>
    interval.counts.find((each) => each.metric === name && each.revisionId === revisionId);
  const metrics = gate.custom.flatMap(({ spec: { name } }): CustomObservation[] => {
    if (isBlind(name)) return [];
    const own = countOf(name, candidate.id);
    const stableOwn = countOf(name, stable?.id);
    return own === undefined && stableOwn === undefined
      ? []
      : [observationOf(name, own, stableOwn)];
  });
  const troubles = gate.custom.flatMap(({ spec: { name } }) => {
    const own = faults.filter((fault) => fault.metric === name);
    const worst = own.find((fault) => fault.isBlind) ?? own[0];
    return worst === undefined
      ? []
      : [{ metric: name, atMs, sentence: worst.sentence, isBlind: worst.isBlind }];
  });
  return { atMs, metrics, troubles };
}

function observationOf(
  name: string,
  candidate: MetricCount | undefined,
  stable: MetricCount | undefined,
): CustomObservation {
  if (candidate?.kind === 'histogram' || stable?.kind === 'histogram') {
    const buckets = (count: MetricCount | undefined) =>
      count?.kind === 'histogram' ? count.histogram : [];
    return { kind: 'histogram', name, candidate: buckets(candidate), stable: buckets(stable) };
  }
  const events = (count: MetricCount | undefined) =>
    count?.kind === 'ratio'
      ? { requests: count.total, failures: count.bad }
      : { requests: 0, failures: 0 };
  return { kind: 'ratio', name, candidate: events(candidate), stable: events(stable) };
}
