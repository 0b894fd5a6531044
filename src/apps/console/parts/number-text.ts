/** `25 %`, `0.4 %`, `99.95 %`: as many digits as tell it from its neighbours, with the space of ISO 80000-1. */
export function percentText(percent: number): string {
  return `${digits(percent)} %`;
}

/** `1,204`; from a million on `1.2 M`. */
export function countText(count: number): string {
  if (count < 1_000_000) return count.toLocaleString('en');
  return `${(count / 1_000_000).toLocaleString('en', { maximumFractionDigits: 1 })} M`;
}

/** `8.4 ms`, `412 ms`, `2.1 s`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${digits(ms)} ms`;
  if (ms < 120_000) return `${digits(ms / 1_000)} s`;
  return `${digits(ms / 60_000)} min`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  const near = 100 - size;
  const isNearAll = near > 0 && near < 1;
  const fraction = isNearAll
    ? 2
    : size >= 10 || size === 0
      ? size % 1 === 0 || size >= 100
        ? 0
        : 1
      : 2;
  return value.toLocaleString('en', { maximumFractionDigits: fraction });
}
