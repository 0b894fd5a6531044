/** What ended in [atMs, atMs + durationMs). Points of a series touch each other and do not overlap. */
export interface LoadPoint {
  /** Since the Unix epoch. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly requests: number;
  /** Requests answered with 4xx or 5xx, or not at all. */
  readonly errors: number;
}

/** 20 minutes of 100 ms points, then coarser: see `appendPoint`. */
export const seriesPointsMax = 12_000;

/**
 * Adds a point, in place. A full series first joins its points two by two, so a run of any length keeps every count and
 * loses only resolution, oldest points first.
 */
export function appendPoint(
  series: LoadPoint[],
  point: LoadPoint,
  pointsMax = seriesPointsMax,
): void {
  if (series.length >= pointsMax) joinPairs(series);
  series.push(point);
}

/**
 * Failed requests that ended between two moments. A point partly inside counts whole: the number is never too small,
 * and too large by no more than the errors of the two points at the edges (100 ms each in a run under 20 minutes).
 */
export function failuresBetween(
  series: readonly LoadPoint[],
  fromMs: number,
  toMs: number,
): number {
  return totalsBetween(series, fromMs, toMs).errors;
}

/** Requests and errors that ended between two moments; the edges as in `failuresBetween`. */
export function totalsBetween(
  series: readonly LoadPoint[],
  fromMs: number,
  toMs: number,
): { readonly requests: number; readonly errors: number } {
  let requests = 0;
  let errors = 0;
  for (const point of series) {
    if (point.atMs >= toMs || point.atMs + point.durationMs <= fromMs) continue;
    requests += point.requests;
    errors += point.errors;
  }
  return { requests, errors };
}

function joinPairs(series: LoadPoint[]): void {
  const joined: LoadPoint[] = [];
  for (let index = 0; index < series.length; index += 2) {
    const [first, second] = [series[index], series[index + 1]];
    if (first === undefined) continue;
    joined.push(second === undefined ? first : join(first, second));
  }
  series.splice(0, series.length, ...joined);
}

function join(first: LoadPoint, second: LoadPoint): LoadPoint {
  return {
    atMs: first.atMs,
    durationMs: second.atMs + second.durationMs - first.atMs,
    requests: first.requests + second.requests,
    errors: first.errors + second.errors,
  };
}
