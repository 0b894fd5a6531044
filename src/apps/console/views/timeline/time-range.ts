/** What part of time is looked at: up to now and going on with it, or from one moment to another. */
export type TimeRange =
  | { readonly kind: 'latest'; readonly lastsMs: number }
  | { readonly kind: 'fixed'; readonly sinceMs: number; readonly untilMs: number };

export const latestRanges = {
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
} as const;

const defaultRange: TimeRange = { kind: 'latest', lastsMs: latestRanges['1h'] };
const shortestMs = 1_000;

/** `range=6h`, or `since` and `until` as RFC 3339. What is none of these is the default. */
export function rangeOf(query: URLSearchParams): TimeRange {
  const [sinceMs, untilMs] = [query.get('since'), query.get('until')].map((text) =>
    Date.parse(text ?? ''),
  );
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs < untilMs) {
    return { kind: 'fixed', sinceMs, untilMs };
  }
  const named = Object.entries(latestRanges).find(([name]) => name === query.get('range'));
  return named === undefined ? defaultRange : { kind: 'latest', lastsMs: named[1] };
}

/** In the address: nulls take away what says otherwise. */
export function queryOfRange(range: TimeRange): Readonly<Record<string, string | null>> {
  if (range.kind === 'fixed') {
    const [since, until] = [range.sinceMs, range.untilMs].map((ms) => new Date(ms).toISOString());
    return { since: since ?? null, until: until ?? null, range: null };
  }
  const named = Object.entries(latestRanges).find(([, lastsMs]) => lastsMs === range.lastsMs);
  return { since: null, until: null, range: named?.[0] ?? null };
}

export function boundsOf(
  range: TimeRange,
  nowMs: number,
): { readonly sinceMs: number; readonly untilMs: number } {
  if (range.kind === 'fixed') return range;
  return { sinceMs: nowMs - range.lastsMs, untilMs: nowMs };
}

/** By a part of its own length: -0.5 is half of it earlier. */
export function moved(range: TimeRange, nowMs: number, part: number): TimeRange {
  const { sinceMs, untilMs } = boundsOf(range, nowMs);
  const byMs = Math.round((untilMs - sinceMs) * part);
  return { kind: 'fixed', sinceMs: sinceMs + byMs, untilMs: untilMs + byMs };
}

/** Around its middle; a factor of 2 shows twice as much. */
export function zoomed(range: TimeRange, nowMs: number, factor: number): TimeRange {
  const { sinceMs, untilMs } = boundsOf(range, nowMs);
  const middleMs = (sinceMs + untilMs) / 2;
  const halfMs = Math.max(shortestMs, (untilMs - sinceMs) * factor) / 2;
  return {
    kind: 'fixed',
    sinceMs: Math.round(middleMs - halfMs),
    untilMs: Math.round(middleMs + halfMs),
  };
}

/** So much wider than what is between the two moments that both are seen with what is beside them. */
export function around(fromMs: number, untilMs: number): TimeRange {
  const margin = Math.max(shortestMs, (untilMs - fromMs) * 0.1);
  return {
    kind: 'fixed',
    sinceMs: Math.floor(fromMs - margin),
    untilMs: Math.ceil(untilMs + margin),
  };
}

/** Moments with round numbers, at most eight of them, for an axis. */
export function ticksOf(sinceMs: number, untilMs: number): readonly number[] {
  const wantedMs = (untilMs - sinceMs) / 8;
  const stepMs = steps.find((step) => step >= wantedMs) ?? Math.ceil(wantedMs / dayMs) * dayMs;
  const ticks: number[] = [];
  // Round numbers of the viewer's own clock.
  const offsetMs = new Date(sinceMs).getTimezoneOffset() * 60_000;
  const first = Math.ceil((sinceMs - offsetMs) / stepMs) * stepMs + offsetMs;
  for (let at = first; at <= untilMs; at += stepMs) ticks.push(at);
  return ticks;
}

const dayMs = 86_400_000;
const steps = [
  1_000,
  2_000,
  5_000,
  10_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  1_800_000,
  3_600_000,
  7_200_000,
  21_600_000,
  43_200_000,
  dayMs,
];

/** As exact as the range needs. */
export function momentText(atMs: number, rangeMs: number): string {
  const at = new Date(atMs);
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };
  if (rangeMs < 600_000) return at.toLocaleTimeString('en', { ...time, second: '2-digit' });
  if (rangeMs <= dayMs) return at.toLocaleTimeString('en', time);
  return at.toLocaleString('en', { ...time, month: 'short', day: 'numeric' });
}
