import { normal, type Random } from './random.ts';
import { usualLatency, wanderingLatency } from './latency-scenarios.ts';
import { alike, percent, scenario, tenMinutesMs } from './scenario.ts';
import type { Rates, Scenario } from './stream.ts';

// Errors and latencies are judged jointly.
const steady = { latency: usualLatency };
const wandering = { latency: wanderingLatency };

/**
 * Releases in which the candidate is exactly as good as stable, whatever else happens: two rates of traffic, three shares and
 * three error ratios, and both arms drifting together in three ways, latencies too. Whoever rolls one back is wrong.
 */
export const nullScenarios: readonly Scenario[] = [
  ...[800, 20].flatMap((rps) =>
    [0.05, 0.1, 0.5].flatMap((share) =>
      [0.001, 0.005, 0.01].map((ratio) =>
        scenario({
          name: `${rps}/s, ${percent(share)}, errors ${percent(ratio)}`,
          requestsPerSecond: rps,
          share,
          rates: alike(ratio),
          ...steady,
        }),
      ),
    ),
  ),
  ...[800, 20].flatMap((rps) => [
    scenario({
      name: `${rps}/s, 5 %, sine and 20-fold spike`,
      requestsPerSecond: rps,
      share: 0.05,
      rates: sineAndSpike,
      ...wandering,
    }),
    scenario({
      name: `${rps}/s, 5 %, random walk`,
      requestsPerSecond: rps,
      share: 0.05,
      rates: randomWalk,
      ...wandering,
    }),
    scenario({
      name: `${rps}/s, ramp 5-10-25-50 %, errors 0.1 -> 0.5 %`,
      requestsPerSecond: rps,
      share: (atMs) => [0.05, 0.1, 0.25, 0.5][Math.floor((4 * atMs) / tenMinutesMs)] ?? 0.5,
      rates: () => (atMs) => alike(0.001 + (0.004 * atMs) / tenMinutesMs),
      ...wandering,
    }),
  ]),
];

/** 0.2 % with a wave of +-80 % every 5 min, and a shared outage of 30 s at 20 times that. */
function sineAndSpike(): (atMs: number) => Rates {
  return (atMs) => {
    const isSpike = atMs >= 300_000 && atMs < 330_000;
    const wave = 1 + 0.8 * Math.sin((2 * Math.PI * atMs) / 300_000);
    return alike(0.002 * (isSpike ? 20 : wave));
  };
}

/** The logarithm of 0.2 % walks by 0.05 a second, at most to a tenth and to tenfold. */
function randomWalk(random: Random): (atMs: number) => Rates {
  let log = 0;
  let second = 0;
  let rates = alike(0.002);
  return (atMs) => {
    if (atMs >= 1000 * (second + 1)) {
      second += 1;
      log = Math.max(-2.3, Math.min(2.3, log + 0.05 * normal(random)));
      rates = alike(0.002 * Math.exp(log));
    }
    return rates;
  };
}
