/** Where a value lies in a drawing. */
export type Scale = (value: number) => number;

export function linearScale(from: Extent, to: Extent): Scale {
  const span = from.max - from.min || 1;
  return (value) => to.min + ((value - from.min) / span) * (to.max - to.min);
}

/** Values outside are drawn at the edge: evidence has no upper limit, a drawing has one. */
export function logScale(from: Extent, to: Extent): Scale {
  const scale = linearScale({ min: Math.log10(from.min), max: Math.log10(from.max) }, to);
  return (value) => scale(Math.log10(Math.min(from.max, Math.max(from.min, value))));
}

export interface Extent {
  readonly min: number;
  readonly max: number;
}

const roundSteps = [1, 2, 5];

/** At most `countMax` + 1 round numbers from 0 to `max`: for 34 and 8 these are 0, 5, 10 ... 30. */
export function roundTicks(max: number, countMax: number): number[] {
  let power = 1e-3;
  for (;;) {
    for (const step of roundSteps) {
      const size = step * power;
      if (max / size <= countMax) {
        const count = Math.floor(max / size + 1e-9);
        return Array.from({ length: count + 1 }, (_, index) => Number((index * size).toFixed(6)));
      }
    }
    power *= 10;
  }
}

/** Every second power of ten within the extent, 1 among them. */
export function powerTicks({ min, max }: Extent): number[] {
  const ticks: number[] = [];
  for (let power = -12; power <= 12; power += 2) {
    const tick = 10 ** power;
    if (tick >= min && tick <= max) ticks.push(tick);
  }
  return ticks;
}

/** A path through the points; `null` interrupts it. */
export function linePath(points: readonly (readonly [x: number, y: number] | null)[]): string {
  const parts: string[] = [];
  let isDown = false;
  for (const point of points) {
    if (point !== null)
      parts.push(`${isDown ? 'L' : 'M'}${coordinate(point[0])} ${coordinate(point[1])}`);
    isDown = point !== null;
  }
  return parts.join('');
}

/** A path that keeps each value until the next point: what is ordered does not slide. */
export function stepPath(points: readonly (readonly [x: number, y: number])[]): string {
  return points
    .map(([x, y], index) =>
      index === 0 ? `M${coordinate(x)} ${coordinate(y)}` : `H${coordinate(x)}V${coordinate(y)}`,
    )
    .join('');
}

/** A tenth of a pixel is finer than anyone sees. */
export function coordinate(value: number): string {
  return String(Number(value.toFixed(1)));
}
