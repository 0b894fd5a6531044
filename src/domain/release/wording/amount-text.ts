/** Amounts as people read them; the same on every machine. */
export function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

/** `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`. */
export function secondsText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${Number((durationMs / 1000).toFixed(1))} s`;
  const minutes = Math.floor(durationMs / 60_000);
  if (minutes < 60) {
    const seconds = Math.floor((durationMs % 60_000) / 1000);
    return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  }
  return minutes % 60 === 0
    ? `${Math.floor(minutes / 60)} h`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Digits in groups of three: 11160 is `11,160`. The same on every machine, unlike toLocaleString. */
export function countText(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `800 requests/s`, `1.2 requests/s`; two figures below 10. */
export function rateText(perSecond: number): string {
  const text = perSecond >= 10 ? countText(perSecond) : String(Number(perSecond.toPrecision(2)));
  return `${text} requests/s`;
}

/** `once`, `3 times`. */
export function timesText(count: number): string {
  return count === 1 ? 'once' : `${countText(count)} times`;
}

/** `a`, `a and b`, `a, b and c`; empty: nothing. */
export function listText(texts: readonly string[]): string {
  if (texts.length < 2) return texts[0] ?? '';
  return `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
