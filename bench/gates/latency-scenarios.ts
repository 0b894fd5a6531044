import { type LatencyShape, scaled, tailScaled } from './latency-stream.ts';
import { normal, type Random } from './random.ts';
import { alike, percent, scenario } from './scenario.ts';
import type { LatencyShapes, Scenario } from './stream.ts';

export interface LatencyCase {
  readonly effect: string;
  readonly share: number;
  readonly scenario: Scenario;
}

const usual = scaled(1);

/** Both arms as fast as ever. */
export function usualLatency(): (atMs: number) => LatencyShapes {
  return () => ({ candidate: usual, stable: usual });
}

const slower = {
  '+10 %': scaled(1.1),
  '+20 %': scaled(1.2),
  '+50 %': scaled(1.5),
  'x2 above p90': tailScaled(2),
  x2: scaled(2),
} as const;

/** Slow from the end of our warm-up on, and requests count from there: stable's latencies are known to every rule by then. */
const slowSinceMs = 10_000;

export const slowCases: readonly LatencyCase[] = [
  ...(['+10 %', '+20 %', '+50 %', 'x2 above p90', 'x2'] as const).map((effect) =>
    slowCase(effect, 0.05),
  ),
  slowCase('+20 %', 0.5),
  slowCase('x2 above p90', 0.5),
];

function slowCase(effect: keyof typeof slower, share: number): LatencyCase {
  const candidate = slower[effect];
  return {
    effect,
    share,
    scenario: scenario({
      name: `latency 800/s, ${percent(share)}, candidate ${effect}`,
      requestsPerSecond: 800,
      share,
      rates: alike(0.001),
      latency: () => (atMs) => ({
        candidate: atMs < slowSinceMs ? usual : candidate,
        stable: usual,
      }),
      badSinceMs: slowSinceMs,
    }),
  };
}

/** Nobody is slower than the other. */
export const latencyNullScenarios: readonly Scenario[] = [
  scenario({
    name: 'latency 800/s, 5 %, steady',
    requestsPerSecond: 800,
    share: 0.05,
    rates: alike(0.001),
    latency: usualLatency,
  }),
  scenario({
    name: 'latency 800/s, 5 %, both wander together',
    requestsPerSecond: 800,
    share: 0.05,
    rates: alike(0.001),
    latency: wanderingLatency,
  }),
  scenario({
    name: 'latency 20/s, 5 %, both wander together',
    requestsPerSecond: 20,
    share: 0.05,
    rates: alike(0.001),
    latency: wanderingLatency,
  }),
];

/** The scale walks by 2 % a second, from half to double. */
export function wanderingLatency(random: Random): (atMs: number) => LatencyShapes {
  let log = 0;
  let second = 0;
  let shape = usual;
  return (atMs) => {
    if (atMs >= 1000 * (second + 1)) {
      second += 1;
      log = Math.max(-0.69, Math.min(0.69, log + 0.02 * normal(random)));
      shape = wanderingShape(Math.round(log / 0.01));
    }
    return { candidate: shape, stable: shape };
  };
}

const shapes = new Map<number, LatencyShape>();

/** Scales in steps of 1 %; from half to double there are 139 of them. */
function wanderingShape(step: number): LatencyShape {
  const shape = shapes.get(step) ?? scaled(Math.exp(0.01 * step));
  shapes.set(step, shape);
  return shape;
}
