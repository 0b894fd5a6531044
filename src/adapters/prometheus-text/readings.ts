import {
  type CumulativeBucket,
  type MetricReading,
  type MetricSelection,
  type SeriesSelector,
  selectorText,
} from '../../domain/traffic/samples/metric-selection.ts';
import type { Exposition, Sample } from './exposition-text.ts';

/** Names of samples that the selections are made of. */
export function wantedNames(selections: readonly MetricSelection[]): ReadonlySet<string> {
  return new Set(
    selections.flatMap((selection) =>
      selection.kind === 'counter'
        ? [selection.bad.name, selection.total.name]
        : [`${selection.histogram.name}_bucket`],
    ),
  );
}

export function readingOf(exposition: Exposition, selection: MetricSelection): MetricReading {
  try {
    if (selection.kind === 'histogram') {
      return { kind: 'histogram', buckets: bucketsOf(exposition, selection.histogram) };
    }
    const bad = counterOf(exposition, selection.bad);
    const total = counterOf(exposition, selection.total);
    return { kind: 'counter', bad, total };
  } catch (error) {
    if (error instanceof Unusable) return { kind: 'unusable', sentence: error.message };
    throw error;
  }
}

/** The sum of all fitting series; null: there is none, or one that can't be. */
export function gaugeOf(exposition: Exposition, selector: SeriesSelector): number | null {
  const type = exposition.types.get(selector.name);
  if (type !== undefined && type !== 'gauge' && type !== 'untyped') return null;
  const found = exposition.samples.filter((sample) => {
    return sample.name === selector.name && fits(sample, selector);
  });
  const sum = found.reduce((before, { value }) => before + value, 0);
  const isUsable = found.every(({ value }) => value >= 0) && Number.isFinite(sum);
  return found.length > 0 && isUsable ? sum : null;
}

/** Caught in `readingOf`, never further. */
class Unusable extends Error {}

function counterOf(exposition: Exposition, selector: SeriesSelector): number {
  requireType(exposition, selector.name, ['counter', 'untyped']);
  const series = new Set<string>();
  let sum = 0;
  for (const sample of exposition.samples) {
    if (sample.name !== selector.name || !fits(sample, selector)) continue;
    requireOnce(series, sample);
    sum = plus(sum, sample);
  }
  return sum;
}

/** Cumulative counts of all fitting series by their upper limits, which have to be the same in all. */
function bucketsOf(exposition: Exposition, selector: SeriesSelector): readonly CumulativeBucket[] {
  requireType(exposition, selector.name, ['histogram', 'untyped']);
  const name = `${selector.name}_bucket`;
  const series = new Set<string>();
  const byLimit = new Map<number, { count: number; seriesCount: number }>();
  for (const sample of exposition.samples) {
    if (sample.name !== name || !fits(sample, selector)) continue;
    requireOnce(series, sample);
    const limit = limitOf(sample);
    const bucket = byLimit.get(limit) ?? { count: 0, seriesCount: 0 };
    byLimit.set(limit, { count: plus(bucket.count, sample), seriesCount: bucket.seriesCount + 1 });
  }
  const buckets = [...byLimit].toSorted(([a], [b]) => a - b);
  requireWhole(selectorText(selector), buckets);
  return buckets.map(([upperSeconds, { count }]) => ({ upperSeconds, count }));
}

function requireWhole(
  what: string,
  buckets: readonly (readonly [number, { readonly count: number; readonly seriesCount: number }])[],
): void {
  if (buckets.length === 0) return;
  if (buckets.length > limitCountMax) {
    throw new Unusable(`${what} has more than ${limitCountMax} buckets`);
  }
  if (buckets.at(-1)?.[0] !== Infinity) throw new Unusable(`${what} has no bucket le="+Inf"`);
  let before = 0;
  const seriesCount = buckets[0]?.[1].seriesCount;
  for (const [limit, bucket] of buckets) {
    if (bucket.seriesCount !== seriesCount) {
      throw new Unusable(`not all series of ${what} have a bucket le="${limit}"`);
    }
    if (bucket.count < before) {
      throw new Unusable(
        `${what} has ${bucket.count} events up to ${limit} s and ${before} up to less`,
      );
    }
    before = bucket.count;
  }
}

const limitCountMax = 200;

function limitOf(sample: Sample): number {
  const text = sample.labels.get('le');
  if (text === '+Inf') return Infinity;
  const limit = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(limit) && limit >= 0) return limit;
  throw new Unusable(`line ${sample.line}: le="${text ?? ''}" is no limit in seconds`);
}

function fits({ labels }: Sample, selector: SeriesSelector): boolean {
  for (const [label, value] of Object.entries(selector.labels)) {
    // A label that is not there is the same as an empty one (Prometheus, data model).
    if ((labels.get(label) ?? '') !== value) return false;
  }
  return true;
}

function plus(sum: number, { name, value, valueText, line }: Sample): number {
  if (Number.isSafeInteger(value) && value >= 0 && Number.isSafeInteger(sum + value)) {
    return sum + value;
  }
  throw new Unusable(`line ${line}: ${name} is ${valueText}, which is no count of events`);
}

function requireOnce(series: Set<string>, { name, labels, line }: Sample): void {
  const key = JSON.stringify([...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (series.has(key)) throw new Unusable(`line ${line}: this series of ${name} is there twice`);
  series.add(key);
}

function requireType({ types }: Exposition, name: string, allowed: readonly string[]): void {
  const type = types.get(name);
  if (type === undefined || allowed.includes(type)) return;
  throw new Unusable(`${name} is a ${type}, not a ${allowed[0] ?? ''}`);
}
