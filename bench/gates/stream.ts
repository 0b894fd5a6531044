import type { ArmCount } from '../../src/domain/traffic/samples/traffic-sample.ts';
import type { ScaleCounts } from '../../src/domain/gate/latency-scale.ts';
import { type Histogram, histogram, type LatencyShape, scaleHistogram } from './latency-stream.ts';
import {
  Arrivals,
  binomial,
  exponential,
  Failures,
  poisson,
  type Random,
  type RandomSource,
  seeded,
  seededSource,
} from './random.ts';

/** What both arms saw in one interval ending at `atMs`. One object is reused for a whole release. */
export interface Tick {
  atMs: number;
  candidateRequests: number;
  candidateFailures: number;
  stableRequests: number;
  stableFailures: number;
  /** By instance, the candidate's first; null: the scenario does not tell instances apart. */
  readonly instances: InstanceTicks | null;
  /** The same requests by route; null: the scenario does not tell routes apart. */
  routes: readonly RouteTick[] | null;
  /** Of the same requests; null: the scenario tells no latencies. */
  latency: { readonly candidate: Histogram; readonly stable: Histogram } | null;
  /** Instead of `latency` where they are drawn on the gate's scale: counts by its places. */
  scaledLatency: { readonly candidate: ScaleCounts; readonly stable: ScaleCounts } | null;
}

export interface RouteTick {
  readonly key: string;
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

export interface InstanceTicks {
  readonly candidates: number;
  readonly requests: Uint16Array;
  readonly failures: Uint16Array;
}

/** A kind of release, without a word on who judges it. */
export interface Scenario {
  /** Unique; with the number of the run it is the seed. */
  readonly name: string;
  readonly durationMs: number;
  readonly requestsPerSecondAt: (atMs: number) => number;
  /** The candidate's part of the requests; a change is a step of the rollout. */
  readonly shareAt: (atMs: number) => number;
  /** Opens the failure ratios of one release; what it gives is asked once per tick, in order of time. */
  readonly openRates: (random: Random) => (atMs: number) => Rates;
  /** Requests beyond those drawn from the rates. */
  readonly openExtra: ((random: Random) => (atMs: number, tick: Tick) => void) | null;
  readonly instances: InstanceIncidents | null;
  /** Instead of the rates; null: all requests are alike. */
  readonly routes: readonly Route[] | null;
  /** As `openRates`; null: no latencies. */
  readonly openLatency: ((random: Random) => (atMs: number) => LatencyShapes) | null;
  /** Costs count from here; a rollback before is a false one. */
  readonly badSinceMs: number;
}

export interface Rates {
  candidateRatio: number;
  stableRatio: number;
}

export interface LatencyShapes {
  readonly candidate: LatencyShape;
  readonly stable: LatencyShape;
}

/** Its part of an arm's requests may differ between the arms, its failure ratio doesn't. */
export interface Route {
  readonly key: string;
  readonly candidatePart: number;
  readonly stablePart: number;
  readonly failureRatio: number;
}

/** Incidents that hit one instance at a time, at the same rate in both versions. */
export interface InstanceIncidents {
  readonly candidates: number;
  readonly stables: number;
  /** Mean time between incidents of one instance. */
  readonly meanMsBetween: number;
  readonly lengthMs: number;
  /** How many of an instance's requests fail meanwhile. */
  readonly failureRatio: number;
}

/**
 * How latencies are drawn: by the product's buckets; or, by other numbers and only for a gate with its usual tolerance, `coarse`
 * (latency-stream.ts), or the same as that, told as counts on the gate's scale where there are many.
 */
export type LatencyDetail = keyof LatencyShape | 'scaled';

/** Gives the ticks of one release one after the other; the object is the same each time. */
export function openStream(
  scenario: Scenario,
  run: number,
  tickMs: number,
  detail: LatencyDetail = 'fine',
): (n: number) => Tick {
  const random = seeded(`${scenario.name}, tick ${tickMs}`, run);
  const ratesAt = scenario.openRates(random);
  const addExtra = scenario.openExtra?.(random) ?? null;
  // Of its own, so that counts are the same with latencies and without.
  const latencyRandom = seededSource(`${scenario.name}, latency, tick ${tickMs}`, run);
  const shapesAt = scenario.openLatency?.(latencyRandom.next) ?? null;
  const fill = fillOf(scenario, random, tickMs);
  const tick: Tick = {
    atMs: 0,
    candidateRequests: 0,
    candidateFailures: 0,
    stableRequests: 0,
    stableFailures: 0,
    instances: scenario.instances === null ? null : noCounts(scenario.instances),
    routes: null,
    latency: null,
    scaledLatency: null,
  };
  return (number) => {
    // The rates of an interval are those of its beginning.
    const sinceMs = (number - 1) * tickMs;
    tick.atMs = number * tickMs;
    fill(tick, ratesAt(sinceMs), sinceMs);
    addExtra?.(sinceMs, tick);
    if (shapesAt === null) return tick;
    fillLatency(tick, shapesAt(sinceMs), latencyRandom, detail);
    return tick;
  };
}

function fillLatency(
  tick: Tick,
  { candidate, stable }: LatencyShapes,
  random: RandomSource,
  detail: LatencyDetail,
): void {
  const { candidateRequests: ours, stableRequests: theirs } = tick;
  tick.latency = null;
  tick.scaledLatency = null;
  if (detail !== 'scaled' || ours + theirs < scaledRequestsMin) {
    const drawn = detail === 'fine' ? detail : 'coarse';
    tick.latency = {
      candidate: histogram(random, candidate[drawn], ours),
      stable: histogram(random, stable[drawn], theirs),
    };
    return;
  }
  tick.scaledLatency = {
    candidate: scaleHistogram(random, candidate.coarse, { requests: ours, arm: 'candidate' }),
    stable: scaleHistogram(random, stable.coarse, { requests: theirs, arm: 'stable' }),
  };
}

/** Fewer are added more quickly one by one than a scale of them. */
const scaledRequestsMin = 24;

type Fill = (tick: Tick, rates: Rates, sinceMs: number) => void;

function fillOf(scenario: Scenario, random: Random, tickMs: number): Fill {
  const { instances, routes } = scenario;
  if (instances !== null) return fillInstances(scenario, instances, { random, tickMs });
  if (routes !== null) return fillRoutes(scenario, routes, { random, tickMs });
  return fillArms(scenario, random, tickMs);
}

function fillRoutes(
  scenario: Scenario,
  routes: readonly Route[],
  { random, tickMs }: { readonly random: Random; readonly tickMs: number },
): Fill {
  const countOf = (mean: number, ratio: number): ArmCount => {
    const requests = poisson(random, mean);
    return { requests, failures: binomial(random, requests, ratio) };
  };
  return (tick, _, sinceMs) => {
    const mean = (scenario.requestsPerSecondAt(sinceMs) * tickMs) / 1000;
    const share = scenario.shareAt(sinceMs);
    const counts = routes.map(({ key, candidatePart, stablePart, failureRatio }) => ({
      key,
      candidate: countOf(mean * share * candidatePart, failureRatio),
      stable: countOf(mean * (1 - share) * stablePart, failureRatio),
    }));
    tick.routes = counts;
    tick.candidateRequests = sum(counts.map(({ candidate }) => candidate.requests));
    tick.candidateFailures = sum(counts.map(({ candidate }) => candidate.failures));
    tick.stableRequests = sum(counts.map(({ stable }) => stable.requests));
    tick.stableFailures = sum(counts.map(({ stable }) => stable.failures));
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function fillArms(scenario: Scenario, random: Random, tickMs: number): Fill {
  const [ours, theirs] = [new Arrivals(random), new Arrivals(random)];
  const [oursFailed, theirsFailed] = [new Failures(random), new Failures(random)];
  return (tick, rates, sinceMs) => {
    const mean = (scenario.requestsPerSecondAt(sinceMs) * tickMs) / 1000;
    const share = scenario.shareAt(sinceMs);
    tick.candidateRequests = ours.draw(mean * share);
    tick.stableRequests = theirs.draw(mean * (1 - share));
    tick.candidateFailures = oursFailed.among(tick.candidateRequests, rates.candidateRatio);
    tick.stableFailures = theirsFailed.among(tick.stableRequests, rates.stableRatio);
  };
}

/** Every instance by itself; the share is what the counts of instances make it. */
function fillInstances(
  scenario: Scenario,
  incidents: InstanceIncidents,
  { random, tickMs }: { readonly random: Random; readonly tickMs: number },
): Fill {
  const { candidates, stables, lengthMs, meanMsBetween } = incidents;
  const all = candidates + stables;
  const begins = new Float64Array(all).map(() => exponential(random, meanMsBetween));
  const ends = new Float64Array(all);
  const arrivals = new Arrivals(random);
  const [ours, theirs] = [new Failures(random), new Failures(random)];
  return (tick, rates, sinceMs) => {
    if (tick.instances === null) return;
    const { requests, failures } = tick.instances;
    const mean = (scenario.requestsPerSecondAt(sinceMs) * tickMs) / 1000 / all;
    for (let index = 0; index < all; index += 1) {
      let failing = 0;
      const endMs = sinceMs + tickMs;
      while ((begins[index] ?? 0) < endMs) {
        ends[index] = (begins[index] ?? 0) + lengthMs;
        begins[index] = (begins[index] ?? 0) + exponential(random, meanMsBetween);
      }
      const lastEnd = ends[index] ?? 0;
      if (lastEnd > sinceMs) {
        const from = Math.max(sinceMs, lastEnd - lengthMs);
        failing = (Math.min(endMs, lastEnd) - from) / tickMs;
      }
      const count = arrivals.draw(mean);
      const isOurs = index < candidates;
      const ratio = isOurs ? rates.candidateRatio : rates.stableRatio;
      const hit = failing > 0 ? binomial(random, count, failing) : 0;
      requests[index] = count;
      const usual = (isOurs ? ours : theirs).among(count - hit, ratio);
      failures[index] = usual + binomial(random, hit, Math.max(ratio, incidents.failureRatio));
    }
    sumInstances(tick, tick.instances);
  };
}

function sumInstances(tick: Tick, { candidates, requests, failures }: InstanceTicks): void {
  tick.candidateRequests = 0;
  tick.candidateFailures = 0;
  tick.stableRequests = 0;
  tick.stableFailures = 0;
  for (let index = 0; index < requests.length; index += 1) {
    if (index < candidates) {
      tick.candidateRequests += requests[index] ?? 0;
      tick.candidateFailures += failures[index] ?? 0;
    } else {
      tick.stableRequests += requests[index] ?? 0;
      tick.stableFailures += failures[index] ?? 0;
    }
  }
}

function noCounts({ candidates, stables }: InstanceIncidents): InstanceTicks {
  const all = candidates + stables;
  return { candidates, requests: new Uint16Array(all), failures: new Uint16Array(all) };
}
