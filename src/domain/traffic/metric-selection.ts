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
