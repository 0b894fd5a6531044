/** Which of an instance's published series make up a metric. */
export type MetricSelection =
  | {
      readonly kind: 'counter';
      /** Events that count against; never more than `total`. */
      readonly bad: SeriesSelector;
      readonly total: SeriesSelector;
    }
  /** A classic histogram: the series named `<name>_bucket` with label `le`, in seconds. */
  | { readonly kind: 'histogram'; readonly histogram: SeriesSelector };

/** All series of this name that have these label values, summed; other labels may be there. */
export interface SeriesSelector {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** As it is written: `orders_total{outcome="declined"}`. */
export function selectorText({ name, labels }: SeriesSelector): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

/** Totals of one metric of one instance since its process began. */
export type MetricReading =
  | { readonly kind: 'counter'; readonly bad: number; readonly total: number }
  /** Counts of events of up to `upperSeconds`, which rises; the last is Infinity. Empty: no event yet. */
  | { readonly kind: 'histogram'; readonly buckets: readonly CumulativeBucket[] }
  /** Says what is wrong with which series, with the value. */
  | { readonly kind: 'unusable'; readonly sentence: string };

export interface CumulativeBucket {
  readonly upperSeconds: number;
  readonly count: number;
}
