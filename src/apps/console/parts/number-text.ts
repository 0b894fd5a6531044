/** `25 %`, `0.4 %`, `99.95 %`: as many digits as tell it from its neighbours, with the space of ISO 80000-1. */
export function percentText(percent: number): string {
  return `${digits(percent)} %`;
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
