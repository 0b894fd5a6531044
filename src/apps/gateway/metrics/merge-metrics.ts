import type {
  Exemplar,
  HistogramFamily,
  HistogramPoint,
  Labels,
  MetricFamily,
  ProcessMetrics,
  ScalarFamily,
  ScalarPoint,
} from './metric-family.ts';

/**
 * The metrics of all processes of a gateway as those of one. A family is merged as it says itself; of processes that
 * disagree about what a family is (two versions, while workers are replaced) the first one is believed and the others' family
 * is left out.
 */
export function mergeMetrics(processes: readonly ProcessMetrics[]): readonly MetricFamily[] {
  const merged = new Map<string, MetricFamily>();
  for (const { worker, families } of processes) {
    for (const family of families) {
      const own = family.merge === 'each' && worker !== null ? labelled(family, worker) : family;
      const known = merged.get(own.name);
      const both = known === undefined ? own : together(known, own);
      if (both !== null) merged.set(own.name, both);
    }
  }
  return [...merged.values()];
}

function labelled(family: MetricFamily, worker: string): MetricFamily {
  const label = <P extends { readonly labels: Labels }>(point: P): P => {
    return { ...point, labels: { ...point.labels, worker } };
  };
  return family.kind === 'histogram'
    ? { ...family, points: family.points.map(label) }
    : { ...family, points: family.points.map(label) };
}

/** Null: they cannot be put together. */
function together(left: MetricFamily, right: MetricFamily): MetricFamily | null {
  if (left.kind === 'histogram') {
    return right.kind === 'histogram' && isSame(left.bounds, right.bounds)
      ? bothHistograms(left, right)
      : null;
  }
  return right.kind === left.kind ? bothScalars(left, right) : null;
}

function bothScalars(left: ScalarFamily, right: ScalarFamily): ScalarFamily {
  const points = new Map<string, ScalarPoint>();
  for (const point of [...left.points, ...right.points]) {
    const key = keyOf(point.labels);
    const known = points.get(key);
    const value =
      known === undefined
        ? point.value
        : left.merge === 'max'
          ? Math.max(known.value, point.value)
          : known.value + point.value;
    points.set(key, { labels: point.labels, value });
  }
  return { ...left, points: [...points.values()] };
}

function bothHistograms(left: HistogramFamily, right: HistogramFamily): HistogramFamily {
  const points = new Map<string, HistogramPoint>();
  for (const point of [...left.points, ...right.points]) {
    const key = keyOf(point.labels);
    const known = points.get(key);
    points.set(key, known === undefined ? point : bothPoints(known, point));
  }
  return { ...left, points: [...points.values()] };
}

function bothPoints(left: HistogramPoint, right: HistogramPoint): HistogramPoint {
  const exemplars = left.counts.map((_, bucket) =>
    newer(left.exemplars?.[bucket] ?? null, right.exemplars?.[bucket] ?? null),
  );
  return {
    labels: left.labels,
    counts: left.counts.map((count, bucket) => count + (right.counts[bucket] ?? 0)),
    sum: left.sum + right.sum,
    ...(exemplars.every((each) => each === null) ? {} : { exemplars }),
  };
}

function newer(left: Exemplar | null, right: Exemplar | null): Exemplar | null {
  if (left === null || right === null) return left ?? right;
  return right.atMs > left.atMs ? right : left;
}

function isSame(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((each, index) => each === right[index]);
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).filter(([, value]) => value !== ''));
}
