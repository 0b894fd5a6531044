/** What every benchmark is given and gives back. */
export interface Bench {
  /** One line for the list. */
  readonly about: string;
  readonly run: (options: BenchOptions) => Promise<BenchReport>;
  /** What `--only` can choose from; absent: nothing. */
  readonly parts?: readonly string[];
}

export interface BenchOptions {
  /** Under 50 s, with less resolution. */
  readonly isQuick: boolean;
  /** Names of `parts`; absent: all. */
  readonly only?: readonly string[];
  /** One line of progress. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface BenchReport {
  readonly tables: readonly BenchTable[];
  /** How it was measured, and what limits what the figures mean. */
  readonly notes: readonly string[];
  /** The last line: counts, medians and ratios. Null: could not be measured here. */
  readonly result: Readonly<Record<string, number | string | boolean | null>>;
}

export interface BenchTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Columns two spaces apart, each as wide as its widest cell. */
export function tableText({ heads, rows }: BenchTable): string {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The value below which the share `quantile` of all lies, an observed one (nearest rank); null of nothing. */
export function quantileOf(values: readonly number[], quantile: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? null;
}

/** The middle value, or between the two middle ones; null of nothing. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

export function rounded(value: number | null, digits = 0): number | null {
  return value === null ? null : Number(value.toFixed(digits));
}

export function cell(value: number | null, digits = 0): string {
  return value === null ? '-' : value.toFixed(digits);
}
