import { percent, scenario, tenMinutesMs } from './scenario.ts';
import type { Scenario } from './stream.ts';

/** How bad a candidate is, from the beginning on. */
export interface Effect {
  readonly name: string;
  readonly ratioOf: (baseRatio: number) => number;
}

export const effects: readonly Effect[] = [
  { name: '2x', ratioOf: (base) => 2 * base },
  { name: '5x', ratioOf: (base) => 5 * base },
  { name: '+1 pp', ratioOf: (base) => base + 0.01 },
  { name: '+5 pp', ratioOf: (base) => base + 0.05 },
  { name: '50 %', ratioOf: () => 0.5 },
  { name: '100 %', ratioOf: () => 1 },
];

export interface BadCase {
  readonly effect: string;
  readonly requestsPerSecond: number;
  readonly share: number;
  readonly baseRatio: number;
  readonly candidateRatio: number;
  readonly scenario: Scenario;
}

/** The peers' rules beside ours: 800 requests/s, 5 %, 0.1 %. */
export const mainCases: readonly BadCase[] = effects.map((effect) =>
  badCase(effect, { requestsPerSecond: 800, share: 0.05, baseRatio: 0.001 }),
);

/** Ours against Wald's bound. */
export const gridCases: readonly BadCase[] = [800, 20].flatMap((requestsPerSecond) =>
  [0.05, 0.1, 0.5].flatMap((share) =>
    [0.001, 0.005, 0.01].flatMap((baseRatio) =>
      effects.map((effect) => badCase(effect, { requestsPerSecond, share, baseRatio })),
    ),
  ),
);

/** Good for five minutes, then bad for five. */
export const lateCases: readonly BadCase[] = effects.map((effect) =>
  badCase(effect, { requestsPerSecond: 800, share: 0.05, baseRatio: 0.001 }, 300_000),
);

function badCase(
  { name, ratioOf }: Effect,
  situation: Pick<BadCase, 'requestsPerSecond' | 'share' | 'baseRatio'>,
  badSinceMs = 0,
): BadCase {
  const { requestsPerSecond, share, baseRatio } = situation;
  const candidateRatio = Math.min(1, ratioOf(baseRatio));
  const good = { candidateRatio: baseRatio, stableRatio: baseRatio };
  const bad = { candidateRatio, stableRatio: baseRatio };
  const since = badSinceMs > 0 ? ` from ${badSinceMs / 1000} s on` : '';
  return {
    ...situation,
    effect: name,
    candidateRatio,
    scenario: scenario({
      name: `${requestsPerSecond}/s, ${percent(share)}, errors ${percent(baseRatio)}, candidate ${name}${since}`,
      requestsPerSecond,
      share,
      rates: () => (atMs) => (atMs < badSinceMs ? good : bad),
      durationMs: tenMinutesMs,
      badSinceMs,
    }),
  };
}
