import {
  type Attempt,
  beginTrial,
  eject,
  type InstanceHealth,
  newHealth,
  noteAttempt,
  readmit,
} from './instance-health.ts';
import type { Forgiving } from './kept-connection.ts';
import type { Endpoint } from '../routing/route-table.ts';
import type { Random } from '../seeded-random.ts';
import { slowStartRatio } from './slow-start.ts';
import type { LoadBalancing, OutlierDetection } from './traffic-policy.ts';
import { farShareRatio } from './zone-share.ts';

/**
 * Which of a revision's instances gets a request that the weights have given to the revision. Nothing here moves a request to another
 * revision. Changed in place, since it runs for every request; kept over tables, so that a table pushed every few requests forgets
 * nothing.
 *
 * - B1. Instances take turns. With `least-request` the one whose turn it is is compared with another one drawn at random, and the one
 *   with fewer requests under way has it; on a tie the turn counts. That is power of two choices (M. Mitzenmacher, 2001) with one
 *   choice less left to chance: without load it is round robin.
 * - B2. At most `maxEjectionPercent` of the instances are ejected, but one of two may be. The only one never is.
 * - B3. When fewer than `panicThresholdPercent` are left, all are used: what is left would break under the load (Envoy's panic threshold).
 * - B4. A trial (O3) comes before turns.
 */
export interface Balance {
  settings: BalanceSettings;
  instances: readonly BalancedInstance[];
  near: Circle;
  far: Circle;
  /** Of requests, in [0, 1]. */
  farShareRatio: number;
  /** What the far ones are owed. */
  farCredit: number;
  /** Ejected ones whose time is over, as indices. */
  trials: number[];
  /** When the lists above are to be made again though nothing has happened. */
  reviewAtMs: number;
  isWarming: boolean;
  isPanicking: boolean;
}

export interface BalanceSettings {
  readonly loadBalancing: LoadBalancing;
  readonly outlierDetection: OutlierDetection | null;
  /** The gateway's; null: not known. */
  readonly zone: string | null;
}

export interface BalancedInstance extends Forgiving {
  endpoint: Endpoint;
  /** Requests it has now. */
  underWay: number;
  /** When it was first seen; -1: not yet. */
  seenMs: number;
  readonly health: InstanceHealth;
  /** In (0, 1]: the part of its share that it gets, see slow start. */
  warmth: number;
  /** What it is owed while it warms up. */
  credit: number;
}

/** Indices of instances that take turns. */
interface Circle {
  readonly members: readonly number[];
  /** Index in `members` of the one that had the last turn. */
  at: number;
}

const emptyCircle: Circle = { members: [], at: -1 };
/** While instances warm up, their shares are made anew so often. */
const warmingReviewMs = 100;

export function newBalance(settings: BalanceSettings): Balance {
  return {
    settings,
    instances: [],
    near: emptyCircle,
    far: emptyCircle,
    farShareRatio: 0,
    farCredit: 0,
    trials: [],
    reviewAtMs: -Infinity,
    isWarming: false,
    isPanicking: false,
  };
}

/**
 * Puts a table's endpoints and settings in force; instances that stay keep what is known of them. Returns those that were ejected
 * and are not any more, because they left or because nobody is ejected now.
 */
export function setEndpoints(
  balance: Balance,
  endpoints: readonly Endpoint[],
  settings: BalanceSettings,
): readonly BalancedInstance[] {
  const before = new Map(balance.instances.map((each) => [each.endpoint.instanceId, each]));
  const ejected = balance.instances.filter((each) => !isServing(each));
  balance.instances = endpoints.map((endpoint) => {
    const known = before.get(endpoint.instanceId);
    if (known === undefined) return newInstance(endpoint);
    known.endpoint = endpoint;
    return known;
  });
  balance.settings = settings;
  balance.reviewAtMs = -Infinity;
  if (settings.outlierDetection !== null) {
    return ejected.filter((each) => !balance.instances.includes(each));
  }
  for (const { health } of ejected) health.standing = 'serving';
  return ejected;
}

/** Index of the instance that gets the next request; -1: there is none. */
export function pickInstance(balance: Balance, nowMs: number, random: Random): number {
  if (nowMs >= balance.reviewAtMs) review(balance, nowMs);
  if (balance.trials.length > 0) return takeTrial(balance, nowMs);
  const circle = takesFar(balance) ? balance.far : balance.near;
  const { members } = circle;
  if (members.length <= 1) return members[0] ?? -1;
  const first = nextInTurn(balance, circle);
  if (balance.settings.loadBalancing.algorithm === 'round-robin') return first;
  const step = 1 + Math.floor(random() * (members.length - 1));
  const second = members[(circle.at + step) % members.length] ?? first;
  const [one, other] = [balance.instances[first], balance.instances[second]];
  if (one === undefined || other === undefined || other.underWay >= one.underWay) return first;
  return balance.isWarming && random() >= other.warmth ? first : second;
}

export interface OtherThan {
  readonly not: BalancedInstance;
  readonly nowMs: number;
  readonly random: Random;
}

/**
 * Index of another instance that serves, for a retry, drawn at random; -1: there is none. It is nobody's turn: else the instance
 * that failed would be next again.
 */
export function pickOther(balance: Balance, than: OtherThan): number {
  if (than.nowMs >= balance.reviewAtMs) review(balance, than.nowMs);
  return otherIn(balance, balance.near, than) ?? otherIn(balance, balance.far, than) ?? -1;
}

/** How an attempt at an instance ended, and what followed for the instance. */
export function attemptEnded(
  balance: Balance,
  instance: BalancedInstance,
  attempt: Attempt,
): 'unchanged' | 'ejected' | 'readmitted' {
  const rule = balance.settings.outlierDetection;
  if (rule === null) return 'unchanged';
  const { health } = instance;
  switch (noteAttempt(health, attempt, rule)) {
    case 'nothing':
      // A trial whose caller has left makes room for another one.
      if (health.standing === 'trial') balance.reviewAtMs = -Infinity;
      return 'unchanged';
    case 'due':
      if (!mayEject(balance, rule)) return 'unchanged';
      eject(health, attempt.nowMs, rule);
      balance.reviewAtMs = -Infinity;
      return 'ejected';
    case 'failed-trial':
      eject(health, attempt.nowMs, rule);
      balance.reviewAtMs = -Infinity;
      return 'unchanged';
    case 'recovered':
      readmit(health, attempt.nowMs, rule);
      balance.reviewAtMs = -Infinity;
      return 'readmitted';
  }
}

function newInstance(endpoint: Endpoint): BalancedInstance {
  return {
    endpoint,
    underWay: 0,
    seenMs: -1,
    health: newHealth(),
    warmth: 1,
    credit: 0,
    forgiveness: 1,
  };
}

/** B2. */
function mayEject({ instances }: Balance, { maxEjectionPercent }: OutlierDetection): boolean {
  if (instances.length < 2 || maxEjectionPercent === 0) return false;
  const ejected = instances.filter(({ health }) => health.standing !== 'serving').length;
  const most = Math.max(1, Math.floor((instances.length * maxEjectionPercent) / 100));
  return ejected < most;
}

function takeTrial(balance: Balance, nowMs: number): number {
  const index = balance.trials.pop() ?? -1;
  const instance = balance.instances[index];
  const rule = balance.settings.outlierDetection;
  if (instance !== undefined && rule !== null) {
    beginTrial(instance.health, nowMs, rule);
    balance.reviewAtMs = Math.min(balance.reviewAtMs, instance.health.untilMs);
  }
  return index;
}

function takesFar(balance: Balance): boolean {
  if (balance.farShareRatio === 0) return false;
  balance.farCredit += balance.farShareRatio;
  if (balance.farCredit < 1) return false;
  balance.farCredit -= 1;
  return true;
}

function nextInTurn(balance: Balance, circle: Circle): number {
  const { members } = circle;
  for (let tried = 0; tried < members.length; tried += 1) {
    circle.at = (circle.at + 1) % members.length;
    const index = members[circle.at] ?? -1;
    if (!balance.isWarming) return index;
    const instance = balance.instances[index];
    if (instance === undefined) continue;
    instance.credit += instance.warmth;
    if (instance.credit < 1) continue;
    instance.credit -= 1;
    return index;
  }
  return members[circle.at] ?? -1;
}

function otherIn(balance: Balance, { members }: Circle, { not, random }: OtherThan): number | null {
  const from = Math.floor(random() * members.length);
  for (let step = 0; step < members.length; step += 1) {
    const index = members[(from + step) % members.length] ?? -1;
    if (balance.instances[index] !== not) return index;
  }
  return null;
}

/** Makes the lists anew from what each instance's health, age and zone say. */
function review(balance: Balance, nowMs: number): void {
  const { instances, settings } = balance;
  const isEjecting = settings.outlierDetection !== null;
  const panicPercent = settings.outlierDetection?.panicThresholdPercent ?? 0;
  balance.reviewAtMs = Infinity;
  balance.trials = [];
  let out = 0;
  for (const [index, { health }] of instances.entries()) {
    if (!isEjecting || health.standing === 'serving') continue;
    out += 1;
    if (health.untilMs <= nowMs) balance.trials.push(index);
    else balance.reviewAtMs = Math.min(balance.reviewAtMs, health.untilMs);
  }
  const left = instances.length - out;
  balance.isPanicking = out > 0 && (left === 0 || 100 * left < panicPercent * instances.length);
  placeInZones(balance, (each) => balance.isPanicking || !isEjecting || isServing(each));
  warmUp(balance, nowMs);
}

function isServing({ health }: BalancedInstance): boolean {
  return health.standing === 'serving';
}

function placeInZones(balance: Balance, isUsed: (each: BalancedInstance) => boolean): void {
  const { instances, settings, isPanicking } = balance;
  const { zone, loadBalancing } = settings;
  const isLocal = ({ endpoint }: BalancedInstance): boolean => endpoint.zone === zone;
  const usesZones =
    zone !== null &&
    loadBalancing.zones === 'prefer-local' &&
    !isPanicking &&
    instances.some(isLocal) &&
    !instances.every(isLocal);
  const near: number[] = [];
  const far: number[] = [];
  let locals = 0;
  for (const [index, each] of instances.entries()) {
    const isNear = !usesZones || isLocal(each);
    if (isNear) locals += 1;
    if (isUsed(each)) (isNear ? near : far).push(index);
  }
  balance.farShareRatio = usesZones
    ? farShareRatio(
        { serving: near.length, total: locals },
        { serving: far.length, total: instances.length - locals },
      )
    : 0;
  balance.near = circleOf(near, balance.near);
  balance.far = circleOf(far, balance.far);
}

/** Goes on behind the one that had the last turn. */
function circleOf(members: readonly number[], before: Circle): Circle {
  const last = before.members[before.at] ?? -1;
  return { members, at: members.findLastIndex((index) => index <= last) };
}

/** Shares are relative to the warmest: where all are new, none is. */
function warmUp(balance: Balance, nowMs: number): void {
  const { slowStartMs } = balance.settings.loadBalancing;
  let warmest = 0;
  for (const instance of balance.instances) {
    if (instance.seenMs < 0) instance.seenMs = nowMs;
    instance.warmth = slowStartRatio(nowMs - instance.seenMs, slowStartMs);
    warmest = Math.max(warmest, instance.warmth);
  }
  balance.isWarming = false;
  for (const instance of balance.instances) {
    instance.warmth /= warmest;
    if (instance.warmth < 1) balance.isWarming = true;
  }
  if (balance.isWarming) {
    balance.reviewAtMs = Math.min(balance.reviewAtMs, nowMs + warmingReviewMs);
  }
}
