import { clampRatio, type RatePair } from './e-variable.ts';
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
 *     forgive, and an instance whose unit may hold the beginning of one is left out of the next window.
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
  /** m of the last window with candidate units; absent before the first. */
  readonly drawn?: number;
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
  const { windowMs, cutAtMs, share, any, candidateIds, lastWindow } = open;
  return {
    windowMs,
    sinceMs: open.sinceMs ?? atMs,
    cutAtMs,
    candidate: cutAtMs === null ? mergedTallies(open.candidate, arms.candidate) : open.candidate,
    stable: mergedTallies(open.stable, arms.stable),
    share,
    any,
    candidateIds,
    lastWindow,
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

/**
 * A whole window at once, for units that somebody else has counted: the lane's own window, if there is one under way, is not
 * looked at.
 */
export function addWindow(lane: UnitLane, units: Units, endMs: number): UnitLane {
  const sinceMs = endMs - lane.windowMs;
  return { ...endWindow({ ...lane, ...units, sinceMs, cutAtMs: null }, endMs), sinceMs: null };
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
  const isCut = cutAtMs !== null;
  const isBad = candidate.some((unit) => unit.failures > 0);
  return {
    ...lane,
    sinceMs: atMs > endMs + windowMs ? atMs : endMs,
    cutAtMs: null,
    candidate: [],
    stable: [],
    candidateIds: candidate.map((unit) => unit.instanceId),
    lastWindow: candidate.length === 0 ? 'none' : isBad ? 'bad' : 'clean',
    share: weighUnits(lane.share, units, { atMs: endMs, isCut, drawn: () => 1 }),
    any: weighUnits(lane.any, units, { atMs: endMs, isCut, drawn: drawnOf }),
  };
}

export interface Units {
  readonly candidate: readonly InstanceTally[];
  readonly stable: readonly InstanceTally[];
}

/** m of `any`: about one in five of stable's units shall be bad, and every candidate unit shall have so many requests. */
function drawnOf(perRequest: number, { candidate, stable }: Units): number {
  let most = Math.min(drawnMax, Math.round(badWanted / perRequest));
  for (const unit of candidate) most = Math.min(most, unit.requests);
  const quarter = Math.floor(stable.length / 4);
  let smaller = 0;
  for (const unit of stable) if (unit.requests < most) smaller += 1;
  // Three quarters of stable's units shall have so many, too.
  if (smaller > quarter) most = sizeAt(stable, quarter, most);
  return Math.max(1, most);
}

/** The size that `rank` of the units are not above, by counting; it is known to be under `most`. */
function sizeAt(units: readonly InstanceTally[], rank: number, most: number): number {
  sizeCounts.fill(0, 0, most);
  for (const { requests } of units) {
    if (requests < most) sizeCounts[requests] = (sizeCounts[requests] ?? 0) + 1;
  }
  let size = 0;
  let below = sizeCounts[0] ?? 0;
  while (below <= rank && size < most) {
    size += 1;
    below += sizeCounts[size] ?? 0;
  }
  return size;
}

const badWanted = 0.2;
const drawnMax = 500;
/** Work space of `sizeAt`. */
const sizeCounts = new Uint16Array(drawnMax);

interface WindowEnd {
  readonly atMs: number;
  readonly isCut: boolean;
  readonly drawn: (perRequest: number, units: Units) => number;
}

function weighUnits(
  bet: UnitBet,
  units: Units,
  { atMs, isCut, drawn: choose }: WindowEnd,
): UnitBet {
  const kept = keptAfter(atMs - bet.atMs);
  const known = { failures: kept * bet.failures, requests: kept * bet.requests };
  const perRequest = (priorFailures + known.failures) / (priorRequests + known.requests);
  const isIn = (unit: InstanceTally): boolean => !bet.barred.includes(unit.instanceId);
  const all = bet.barred.length === 0 ? units.candidate : units.candidate.filter(isIn);
  const candidate = withoutTiny(all);
  // When a window is cut may tell that it went badly, so then m is that of the window before (U2).
  const isKept = isCut && bet.drawn !== undefined;
  const drawn = isKept ? bet.drawn : choose(perRequest, { candidate, stable: units.stable });
  const stableRatio = clampRatio(-Math.expm1(-perRequest * drawn));
  const barred: string[] = [];
  const ours: number[] = [];
  for (const unit of candidate) {
    if (isIncident(unit, perRequest)) barred.push(unit.instanceId);
    // More requests without failures only make z smaller (U3).
    const counted = isKept && unit.requests < drawn ? { ...unit, requests: drawn } : unit;
    if (counted.requests >= drawn) ours.push(badness(counted, drawn));
  }
  const bad: number[] = [];
  let stables = 0;
  for (const unit of units.stable) {
    if (unit.requests < drawn || !isIn(unit)) continue;
    stables += 1;
    if (unit.failures === 0) continue;
    bad.push(badness(unit, drawn));
    if (isIncident(unit, perRequest)) barred.push(unit.instanceId);
  }

  const stableMean = stables === 0 ? 0 : sum(bad) / stables;
  const lastDrawn = candidate.length > 0 ? drawn : bet.drawn;
  const learned = {
    failures: known.failures - Math.log1p(-Math.min(0.95, stableMean)) * stables,
    requests: known.requests + drawn * stables,
    atMs,
    barred,
    ...(lastDrawn === undefined ? {} : { drawn: lastDrawn }),
  };
  if (ours.length === 0 || stables === 0) return { ...learned, mixture: bet.mixture };
  const candidateUnits = weighable(ours);
  const stableUnits = { units: stables, bad };
  const logs = worseRatios(stableRatio).map((candidateRatio) =>
    logArms(candidateUnits, stableUnits, { candidateRatio, stableRatio }),
  );
  return { ...learned, mixture: advance(bet.mixture, alternativeWeights, atMs, logs) };
}

const priorFailures = 1;
const priorRequests = 500;

/**
 * Whether a unit may hold the beginning of an incident that goes on in the next window: a twentieth of it failed, or a failure
 * more than twice what is usual. One failure of a hundred is not: hardly an incident begins so late, and a candidate that fails
 * 0.5 % would have every third of its units left out.
 */
function isIncident({ requests, failures }: InstanceTally, perRequest: number): boolean {
  const isMuch = failures >= requests * (incidentRatio + 2 * perRequest);
  return failures > 0 && (isMuch || failures > 1 + 2 * perRequest * requests);
}

const incidentRatio = 0.05;

/** log E for the z of both arms. */
export function logUnits(
  candidate: readonly number[],
  stable: readonly number[],
  alternative: RatePair,
): number {
  return logArms(weighable(candidate), weighable(stable), alternative);
}

/** The z of an arm. Most are 0, and are counted: logarithms take longer than anything else here. */
interface ArmUnits {
  readonly units: number;
  /** Those above 0. */
  readonly bad: number[];
}

function weighable(badnesses: readonly number[]): ArmUnits {
  return { units: badnesses.length, bad: badnesses.filter((bad) => bad > 0) };
}

function logArms(
  candidate: ArmUnits,
  stable: ArmUnits,
  { candidateRatio, stableRatio }: RatePair,
): number {
  const share = candidate.units / (candidate.units + stable.units);
  const pooled = share * candidateRatio + (1 - share) * stableRatio;
  return logBets(candidate, candidateRatio, pooled) + logBets(stable, stableRatio, pooled);
}

function logBets({ units, bad }: ArmUnits, ratio: number, pooled: number): number {
  const onBad = ratio / pooled;
  const onGood = (1 - ratio) / (1 - pooled);
  let log = 0;
  for (let index = 0; index < bad.length; index += 1) {
    log += Math.log(onGood + (bad[index] ?? 0) * (onBad - onGood));
  }
  return log + (units - bad.length) * Math.log(onGood);
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
  let most = 0;
  for (const { requests } of units) most = Math.max(most, requests);
  return units.filter((unit) => unit.requests > 0 && unit.requests >= most / 4);
}

/** Adds counts by instance; instances beyond the bound are not told apart. */
export function mergedTallies(
  tallies: readonly InstanceTally[],
  more: readonly InstanceTally[],
): readonly InstanceTally[] {
  if (more.length === 0) return tallies;
  if (tallies.length === 0 && areDistinct(more)) return copied(more);
  const next = tallies.slice();
  let place = 0;
  for (let position = 0; position < more.length; position += 1) {
    const each = more[position];
    if (each === undefined) continue;
    const { instanceId, requests, failures } = each;
    const at = placeOf(next, instanceId, place);
    const known = next[at];
    if (known === undefined) {
      if (next.length < unitInstancesMax) next.push({ instanceId, requests, failures });
      continue;
    }
    next[at] = {
      instanceId,
      requests: known.requests + requests,
      failures: known.failures + failures,
    };
    place = at + 1;
  }
  return next;
}

/** -1: it is not there. Samples name the instances in the same order mostly, so the search begins where the last one ended. */
function placeOf(tallies: readonly InstanceTally[], instanceId: string, from: number): number {
  for (let place = from; place < tallies.length; place += 1) {
    if (tallies[place]?.instanceId === instanceId) return place;
  }
  for (let place = 0; place < from; place += 1) {
    if (tallies[place]?.instanceId === instanceId) return place;
  }
  return -1;
}

function areDistinct(tallies: readonly InstanceTally[]): boolean {
  const ids = new Set<string>();
  for (const { instanceId } of tallies) ids.add(instanceId);
  return ids.size === tallies.length;
}

function copied(tallies: readonly InstanceTally[]): readonly InstanceTally[] {
  const copies: InstanceTally[] = [];
  for (const { instanceId, requests, failures } of tallies) {
    if (copies.length < unitInstancesMax) copies.push({ instanceId, requests, failures });
  }
  return copies;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
