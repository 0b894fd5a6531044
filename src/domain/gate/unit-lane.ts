import { clampRatio } from './e-variable.ts';
import { keptAfter } from './base-rate.ts';
import {
  advance,
  alternativeWeights,
  evidenceOf,
  type OnsetMixture,
  openMixture,
  worseRatios,
} from './onset-mixture.ts';

/**
 * Evidence that stays valid when all requests of one instance fail together for a while: a unit is one instance in one
 * window, and only one number z in [0, 1] is taken from it, however many of its requests failed.
 *
 *   log E = sum over units of log(z t_a/t_0 + (1 - z)(1 - t_a)/(1 - t_0)),   t_0 = w t_c + (1 - w) t_s,   a: the unit's arm,
 *
 * w the candidate's part of the units. E is linear in each z, so only the mean of z matters and E averages to 1 at most while the
 * candidate's mean is not above stable's, whatever the requests inside a unit have to do with each other (the bet of
 * Waudby-Smith and Ramdas for bounded means, with two samples). Two choices of z, averaged:
 *
 *   share  the part of the unit's requests that failed: asks nothing of the sizes, strong against a candidate that is dead;
 *   any    the chance that m of its requests, drawn without putting back, hold a failure: 1 - C(n-k, m)/C(n, m). m is the
 *          same for all units, so that units of unlike sizes have like means. It keeps most of what single failures tell about
 *          a moderate regression, which `share` throws away: 5 failures instead of 1 in 100 requests is 5 % of its range.
 *
 * U1  An incident is counted once: it reaches over one end of a window at most, as windows are as long as the longest incident to
 *     forgive, and an instance whose unit was bad is left out of the next window.
 * U2  m, the sizes that count, and who is left out depend on counts and on windows before.
 * U3  The candidate's window ends early when its weight changes, which may be because it failed. Its sizes are then taken as if
 *     it had gone on at the same rate to the end, without further failures: that can only make z smaller.
 *
 * What it costs: one unit says log(1/w) at most, so a dead candidate with 2 of 40 instances takes two windows, and a declared
 * incident of 5 s makes the gate that much slower. `park.ts` is about the users meanwhile.
 */
export interface UnitLane {
  readonly windowMs: number;
  /** Start of the window under way; null: not begun. */
  readonly sinceMs: number | null;
  /** When the candidate's part of this window ended early; null: it goes on. */
  readonly cutAtMs: number | null;
  readonly candidate: readonly InstanceTally[];
  readonly stable: readonly InstanceTally[];
  readonly share: UnitBet;
  readonly any: UnitBet;
  /** The candidate's instances in the last window, and how it ended for them. */
  readonly candidateIds: readonly string[];
  readonly lastWindow: 'none' | 'clean' | 'bad';
}

export interface InstanceTally {
  readonly instanceId: string;
  readonly requests: number;
  readonly failures: number;
}

interface UnitBet {
  /** Instances left out of the window under way (U1). */
  readonly barred: readonly string[];
  /** Stable's failures per request as this z sees them, with a half-life: choose the alternatives. */
  readonly failures: number;
  readonly requests: number;
  readonly atMs: number;
  readonly mixture: OnsetMixture;
}

/** Instances of an arm that are told apart; more are left out. */
export const unitInstancesMax = 128;

export function openUnitLane(windowMs: number, atMs: number, plannedMs: number): UnitLane {
  const mixture = openMixture(alternativeWeights, atMs, plannedMs);
  const bet = { barred: [], failures: 0, requests: 0, atMs, mixture };
  return {
    windowMs,
    sinceMs: null,
    cutAtMs: null,
    candidate: [],
    stable: [],
    share: bet,
    any: bet,
    candidateIds: [],
    lastWindow: 'none',
  };
}

export function addToUnits(
  lane: UnitLane,
  arms: { readonly candidate: readonly InstanceTally[]; readonly stable: readonly InstanceTally[] },
  atMs: number,
): UnitLane {
  const due = lane.sinceMs !== null && atMs > lane.sinceMs + lane.windowMs;
  const open = due ? endWindow(lane, atMs) : lane;
  return {
    ...open,
    sinceMs: open.sinceMs ?? atMs,
    candidate:
      open.cutAtMs === null ? mergedTallies(open.candidate, arms.candidate) : open.candidate,
    stable: mergedTallies(open.stable, arms.stable),
  };
}

/**
 * The weight changes at `atMs`: the candidate's part of the window is over (U3), unless it had no requests in it, as when it was
 * parked: then those that follow are all there is.
 */
export function cutUnits(lane: UnitLane, atMs: number): UnitLane {
  if (lane.sinceMs === null || lane.cutAtMs !== null || lane.candidate.length === 0) return lane;
  return { ...lane, cutAtMs: atMs, candidate: atMs > lane.sinceMs ? lane.candidate : [] };
}

/** W. */
export function unitEvidence({ share, any }: UnitLane): number {
  return shareWeight * evidenceOf(share.mixture) + (1 - shareWeight) * evidenceOf(any.mixture);
}

const shareWeight = 0.35;

/** Whether an instance of the candidate is left out of the window under way, so that its requests would tell nothing. */
export function isCandidateBarred({ any, candidateIds }: UnitLane): boolean {
  return any.barred.some((id) => candidateIds.includes(id));
}

/** Makes the window evidence; the next one begins where it ended, or now when nothing was seen for long. */
function endWindow(lane: UnitLane, atMs: number): UnitLane {
  const { sinceMs, windowMs, cutAtMs } = lane;
  const endMs = (sinceMs ?? atMs) + windowMs;
  const activeMs = cutAtMs === null || sinceMs === null ? windowMs : cutAtMs - sinceMs;
  const candidate = lane.candidate.map((unit) => ({
    ...unit,
    requests: Math.ceil(unit.requests * Math.max(1, windowMs / Math.max(1, activeMs))),
  }));
  const units = { candidate, stable: lane.stable };
  const isBad = candidate.some((unit) => unit.failures > 0);
  return {
    ...lane,
    sinceMs: atMs > endMs + windowMs ? atMs : endMs,
    cutAtMs: null,
    candidate: [],
    stable: [],
    candidateIds: candidate.map((unit) => unit.instanceId),
    lastWindow: candidate.length === 0 ? 'none' : isBad ? 'bad' : 'clean',
    share: weighUnits(lane.share, units, { atMs: endMs, drawn: () => 1 }),
    any: weighUnits(lane.any, units, { atMs: endMs, drawn: drawnOf }),
  };
}

interface Units {
  readonly candidate: readonly InstanceTally[];
  readonly stable: readonly InstanceTally[];
}

/** m of `any`: about one in five of stable's units shall be bad, and every candidate unit shall have so many requests. */
function drawnOf(perRequest: number, { candidate, stable }: Units): number {
  const sizes = stable.map((unit) => unit.requests).toSorted((a, b) => a - b);
  const usual = sizes[Math.floor(sizes.length / 4)] ?? 0;
  const least = Math.min(...candidate.map((unit) => unit.requests));
  const wanted = Math.round(badWanted / perRequest);
  return Math.max(1, Math.min(wanted, least, usual, drawnMax));
}

const badWanted = 0.2;
const drawnMax = 500;

function weighUnits(
  bet: UnitBet,
  units: Units,
  moment: {
    readonly atMs: number;
    readonly drawn: (perRequest: number, units: Units) => number;
  },
): UnitBet {
  const { atMs } = moment;
  const kept = keptAfter(atMs - bet.atMs);
  const known = { failures: kept * bet.failures, requests: kept * bet.requests };
  const perRequest = (priorFailures + known.failures) / (priorRequests + known.requests);
  const isIn = (unit: InstanceTally): boolean => !bet.barred.includes(unit.instanceId);
  const candidate = withoutTiny(units.candidate.filter(isIn));
  const drawn = moment.drawn(perRequest, { candidate, stable: units.stable });
  const isEnough = (unit: InstanceTally): boolean => isIn(unit) && unit.requests >= drawn;
  const candidateBad = candidate.filter(isEnough).map((unit) => badness(unit, drawn));
  const stableUnits = units.stable.filter(isEnough);
  const stableBad = stableUnits.map((unit) => badness(unit, drawn));
  const stableRatio = clampRatio(-Math.expm1(-perRequest * drawn));
  const barring = barringBadness + 2 * stableRatio;
  const barred = [...candidate, ...stableUnits]
    .filter((unit) => badness(unit, Math.min(drawn, unit.requests)) >= barring)
    .map((unit) => unit.instanceId);

  const stableMean = stableBad.length === 0 ? 0 : sum(stableBad) / stableBad.length;
  const learned = {
    failures: known.failures - Math.log1p(-Math.min(0.95, stableMean)) * stableBad.length,
    requests: known.requests + drawn * stableBad.length,
    atMs,
    barred,
  };
  if (candidateBad.length === 0 || stableBad.length === 0) {
    return { ...learned, mixture: bet.mixture };
  }
  const logs = worseRatios(stableRatio).map((candidateRatio) =>
    logUnits(candidateBad, stableBad, { candidateRatio, stableRatio }),
  );
  return {
    ...learned,
    mixture: advance(bet.mixture, alternativeWeights, atMs, logs),
  };
}

const priorFailures = 1;
const priorRequests = 500;
/** A unit bars its instance from the next window when it is so bad, and twice what is usual. */
const barringBadness = 0.1;

/** log E for the z of both arms. */
export function logUnits(
  candidate: readonly number[],
  stable: readonly number[],
  {
    candidateRatio,
    stableRatio,
  }: { readonly candidateRatio: number; readonly stableRatio: number },
): number {
  const share = candidate.length / (candidate.length + stable.length);
  const pooled = share * candidateRatio + (1 - share) * stableRatio;
  return logBets(candidate, candidateRatio, pooled) + logBets(stable, stableRatio, pooled);
}

function logBets(badnesses: readonly number[], ratio: number, pooled: number): number {
  const onBad = ratio / pooled;
  const onGood = (1 - ratio) / (1 - pooled);
  let log = 0;
  for (const bad of badnesses) log += Math.log(onGood + bad * (onBad - onGood));
  return log;
}

/** z: 1 - C(n - k, m) / C(n, m), the chance that m of the unit's requests hold a failure. */
export function badness({ requests, failures }: InstanceTally, drawn: number): number {
  if (failures === 0) return 0;
  if (requests - failures < drawn) return 1;
  let good = 1;
  const least = Math.min(failures, drawn);
  const other = Math.max(failures, drawn);
  // C(n-k, m) / C(n, m) is the same with k and m exchanged; the shorter product is taken.
  for (let index = 0; index < least; index += 1) {
    good *= (requests - other - index) / (requests - index);
  }
  return 1 - good;
}

/** An instance that came or went within the window would force its size on all the others. */
function withoutTiny(units: readonly InstanceTally[]): readonly InstanceTally[] {
  const most = Math.max(0, ...units.map((unit) => unit.requests));
  return units.filter((unit) => unit.requests > 0 && unit.requests >= most / 4);
}

/** Adds counts by instance; instances beyond the bound are not told apart. */
export function mergedTallies(
  tallies: readonly InstanceTally[],
  more: readonly InstanceTally[],
): readonly InstanceTally[] {
  if (more.length === 0) return tallies;
  const next = tallies.slice();
  for (const [position, each] of more.entries()) {
    // Samples name the instances in the same order mostly.
    const isInPlace = next[position]?.instanceId === each.instanceId;
    const index = isInPlace
      ? position
      : next.findIndex((tally) => tally.instanceId === each.instanceId);
    const known = next[index];
    if (known === undefined) {
      if (next.length < unitInstancesMax) next.push(each);
      continue;
    }
    next[index] = {
      instanceId: known.instanceId,
      requests: known.requests + each.requests,
      failures: known.failures + each.failures,
    };
  }
  return next;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
