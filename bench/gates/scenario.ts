import type { Random } from './random.ts';
import type { InstanceIncidents, LatencyShapes, Rates, Route, Scenario, Tick } from './stream.ts';

/** What a table says of a scenario; the rest is what a healthy release at a steady rate has. */
export interface ScenarioInput {
  readonly name: string;
  readonly requestsPerSecond: number | ((atMs: number) => number);
  readonly share: number | ((atMs: number) => number);
  readonly rates: Rates | ((random: Random) => (atMs: number) => Rates);
  readonly durationMs?: number;
  readonly extra?: (random: Random) => (atMs: number, tick: Tick) => void;
  readonly instances?: InstanceIncidents;
  readonly routes?: readonly Route[];
  readonly latency?: (random: Random) => (atMs: number) => LatencyShapes;
  readonly badSinceMs?: number;
}

export function scenario(input: ScenarioInput): Scenario {
  const { name, requestsPerSecond, share, rates } = input;
  return {
    name,
    durationMs: input.durationMs ?? tenMinutesMs,
    requestsPerSecondAt:
      typeof requestsPerSecond === 'number' ? () => requestsPerSecond : requestsPerSecond,
    shareAt: typeof share === 'number' ? () => share : share,
    openRates: typeof rates === 'function' ? rates : () => () => rates,
    openExtra: input.extra ?? null,
    instances: input.instances ?? null,
    routes: input.routes ?? null,
    openLatency: input.latency ?? null,
    badSinceMs: input.badSinceMs ?? 0,
  };
}

export const tenMinutesMs = 600_000;

/** Both arms alike. */
export function alike(ratio: number): Rates {
  return { candidateRatio: ratio, stableRatio: ratio };
}

/** `0.1 %`. */
export function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(3))} %`;
}
