import type { GateSettings } from '../release/revision.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { noCount, plus } from './arm-block.ts';
import { divergence, logArmRatio } from './e-variable.ts';
import { slowMarginRatio } from './latency-metric.ts';
import {
  addToScale,
  emptyScale,
  plusCounts,
  scaleLowerUs,
  slowerByRatioOf,
  type SparseHistogram,
  sum,
  tallyFrom,
} from './latency-scale.ts';
import { slowPlace } from './metric-account.ts';
import {
  advance,
  alternativeWeights,
  logEvidence,
  type OnsetMixture,
  openMixture,
  worseRatios,
} from './onset-mixture.ts';

/**
 * Before and after: the candidate alone at 100 % against what stable did shortly before it. Weaker than a comparison side by
 * side, and labelled so wherever it is shown: whatever changed in the world between the two times looks like the
 * version. So by itself it warns, and only a file that asks for it lets it hold or roll back.
 *
 * The statistics: stable's past is an estimate from n requests, k of them bad, and taking it for the truth would throw healthy
 * candidates back. The null is therefore "the candidate's ratio is at most b", where b is the upper bound of stable's ratio, the
 * largest p with n KL(k/n || p) <= log(20 / alpha) (Chernoff), plus the margin of the gate. If stable's true ratio is under
 * its bound, which fails with a chance of alpha / 20 at most, a candidate no worse than it by the margin, in the same world, ever
 * brings the evidence to L with a chance of 1 / L at most (Ville). Bound and limit are fixed when the switch is seen. Where the
 * file lets it roll back, which it does at L = 20 / alpha, errors and latency together add alpha / 5 to the false rollbacks that
 * the gate allows itself, in a world that stays the same; nothing bounds them in one that doesn't.
 *
 * Worked example: 30 of 30,000 failed before (0.1 %); with alpha = 0.1 % the bound is 0.2 %, with a margin of 0.25 pp the
 * candidate may fail 0.45 %. One that fails 1 % is told after some 2,000 requests at the limit of 20.
 */
export interface BeforeAfter {
  /** Stable's requests, in two windows so that what is old falls out: exact counts, bounded memory. */
  readonly older: StableWindow | null;
  readonly newer: StableWindow | null;
  /** Null: the switch has not been seen. Empty: nothing was known of stable. */
  readonly tests: readonly BeforeAfterTest[] | null;
}

export interface StableWindow {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly count: ArmCount;
  /** Latencies on the scale of latency-scale.ts. */
  readonly latency: readonly number[];
}

export interface BeforeAfterTest {
  readonly metric: 'errors' | 'latency';
  readonly before: ArmCount;
  /** Over how long the reference was gathered, and when it ended. */
  readonly beforeMs: number;
  readonly after: ArmCount;
  readonly allowedRatio: number;
  /** From this place of the scale on a request is slow; null: errors. */
  readonly slowFrom: number | null;
  readonly mixture: OnsetMixture;
  /** Highest so far. */
  readonly peakLog: number;
}

export type BeforeAfterMode = NonNullable<GateSettings['beforeAfter']>;

export function modeOf({ beforeAfter = 'warn' }: GateSettings): BeforeAfterMode {
  return beforeAfter;
}

/** `known`: what was seen of stable while no rollout ran; null: nothing. */
export function openBeforeAfter(known: StableWindow | null): BeforeAfter {
  return { older: known, newer: null, tests: null };
}

/** Stable's own requests while it still has traffic. */
export function rememberStable(
  state: BeforeAfter,
  stable: { readonly count: ArmCount; readonly latency: SparseHistogram },
  atMs: number,
): BeforeAfter {
  // What was known at the switch stays the reference; a late request of stable doesn't begin it anew.
  if (stable.count.requests === 0 || state.tests !== null) return state;
  const newer = added(state.newer ?? openWindow(atMs), stable, atMs);
  const { older, tests } = state;
  if (newer.untilMs - newer.sinceMs < windowMs) return { older, newer, tests };
  return { older: newer, newer: null, tests };
}

export function openWindow(atMs: number): StableWindow {
  return { sinceMs: atMs, untilMs: atMs, count: noCount, latency: emptyScale };
}

export function added(
  window: StableWindow,
  { count, latency }: { readonly count: ArmCount; readonly latency: SparseHistogram },
  atMs: number,
): StableWindow {
  return {
    sinceMs: window.sinceMs,
    untilMs: atMs,
    count: plus(window.count, count),
    latency: latency.length === 0 ? window.latency : addToScale(window.latency, latency, 0),
  };
}

/** Each of the two windows; the reference is the last 10 to 20 minutes. */
export const windowMs = 600_000;

/** The candidate has all traffic. */
export function weighAfter(
  state: BeforeAfter,
  after: { readonly count: ArmCount; readonly latency: SparseHistogram },
  moment: {
    readonly atMs: number;
    readonly plannedMs: number;
    readonly settings: GateSettings;
  },
): BeforeAfter {
  if (modeOf(moment.settings) === 'off') return state;
  const tests = state.tests ?? openTests(state, moment);
  const tolerance = slowerByRatioOf(moment.settings);
  return {
    ...state,
    tests: tests.map((test) => {
      const count =
        test.slowFrom === null ? after.count : tallyFrom(after.latency, tolerance, test.slowFrom);
      return count.requests === 0 ? test : weighed(test, count, moment.atMs);
    }),
  };
}

/** What stable did before, all of it; null: too little to compare with. */
export function referenceOf({ older, newer }: BeforeAfter): StableWindow | null {
  const both = older === null || newer === null ? (newer ?? older) : joined(older, newer);
  return both === null || both.count.requests < referenceRequestsMin ? null : both;
}

export function joined(older: StableWindow, newer: StableWindow): StableWindow {
  return {
    sinceMs: older.sinceMs,
    untilMs: newer.untilMs,
    count: plus(older.count, newer.count),
    latency: plusCounts(older.latency, newer.latency),
  };
}

/** Below this the bound is so wide that the comparison says nothing. */
const referenceRequestsMin = 100;

function openTests(
  state: BeforeAfter,
  moment: { readonly atMs: number; readonly plannedMs: number; readonly settings: GateSettings },
): readonly BeforeAfterTest[] {
  const reference = referenceOf(state);
  if (reference === null) return [];
  const { settings, atMs, plannedMs } = moment;
  const logMiss = Math.log(partOfAlpha / settings.falseRollbackRatio);
  const open = (
    metric: BeforeAfterTest['metric'],
    before: ArmCount,
    to: { readonly marginRatio: number; readonly slowFrom: number | null },
  ): BeforeAfterTest => ({
    metric,
    before,
    beforeMs: reference.untilMs - reference.sinceMs,
    after: noCount,
    allowedRatio: Math.min(0.999, upperRatio(before, logMiss) + to.marginRatio),
    slowFrom: to.slowFrom,
    mixture: openMixture(alternativeWeights, atMs, plannedMs),
    peakLog: 0,
  });
  const errors = open('errors', reference.count, {
    marginRatio: settings.worseByRatio,
    slowFrom: null,
  });
  const latencies = sum(reference.latency);
  if (settings.latency === 'off' || latencies < referenceRequestsMin) return [errors];
  const slowFrom = slowPlace(reference.latency);
  const slow = sum(reference.latency.slice(slowFrom));
  const before = { requests: latencies, failures: slow };
  return [errors, open('latency', before, { marginRatio: slowMarginRatio, slowFrom })];
}

/** The largest p with n KL(k/n || p) <= logMiss: the true ratio is above it with a chance of exp(-logMiss) at most. */
export function upperRatio({ requests, failures }: ArmCount, logMiss: number): number {
  if (requests === 0) return 1;
  const seen = failures / requests;
  let [low, high] = [seen, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (requests * divergence(seen, middle) <= logMiss) low = middle;
    else high = middle;
  }
  return high;
}

function weighed(test: BeforeAfterTest, count: ArmCount, atMs: number): BeforeAfterTest {
  const logs = worseRatios(test.allowedRatio).map((ratio) =>
    logArmRatio(count, ratio, test.allowedRatio),
  );
  const mixture = advance(test.mixture, alternativeWeights, atMs, logs);
  const peakLog = Math.max(test.peakLog, logEvidence(mixture));
  return { ...test, after: plus(test.after, count), mixture, peakLog };
}

/** The test with the most evidence now; null: nothing is compared. */
export function leadingTest({ tests }: BeforeAfter): BeforeAfterTest | null {
  let leading: BeforeAfterTest | null = null;
  for (const test of tests ?? []) {
    if (leading === null || logEvidence(test.mixture) > logEvidence(leading.mixture))
      leading = test;
  }
  return leading;
}

/** From here on it is said; the same evidence at which an objective holds. */
export const beforeAfterWarnsAt = 20;

/** Beside the limits of the gate itself, and so high that it hardly adds to them. */
export function rollsBackAt(settings: GateSettings): number {
  return partOfAlpha / settings.falseRollbackRatio;
}

/** Two tests, each with a bound that may be missed and a limit that may be reached: 4 of these parts, a fifth of alpha. */
const partOfAlpha = 20;

export function slowLimitMs({ slowFrom }: BeforeAfterTest): number | null {
  return slowFrom === null ? null : scaleLowerUs(slowFrom) / 1000;
}
