import type { Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { addToBase, type BaseRate, baseRatioAt, noBase } from './base-rate.ts';
import { logArmRatio } from './e-variable.ts';
import { slowMarginRatio } from './latency-metric.ts';
import { histogramTotal, slowCount, type SparseHistogram } from './latency-scale.ts';
import {
  advance,
  alternativeWeights,
  capped,
  type OnsetMixture,
  openMixture,
  worseRatios,
} from './onset-mixture.ts';
import { plus } from './arm-block.ts';

/**
 * An absolute promise, tested on the candidate by itself. While stable has traffic a broken one holds the step and no more: an
 * outage behind both arms breaks it on both, and throwing back a healthy candidate would not end that. Alone at 100 %
 * it is the test that rolls back, as there is no other.
 */
export interface ObjectiveEvidence {
  readonly name: string;
  readonly signal: ObjectiveSignal;
  /** Part of the requests that may be bad, in [0.0001, 0.999]. */
  readonly allowedRatio: number;
  readonly stable: BaseRate;
  readonly hold: OnsetMixture;
  /** The candidate alone at 100 %; null before. */
  readonly bake: BakeEvidence | null;
}

export type ObjectiveSignal =
  | { readonly kind: 'success'; readonly isDeclared: boolean }
  | { readonly kind: 'latency'; readonly quantile: number; readonly limitMs: number };

export interface BakeEvidence {
  /** The ratio of bad requests that is still allowed; fixed when the bake began. */
  readonly allowedRatio: number;
  readonly count: ArmCount;
  readonly atMs: number;
  readonly mixture: OnsetMixture;
  /** The other side, that the objective is kept: the null is "at least `allowedRatio`". Absent in older states. */
  readonly kept?: OnsetMixture;
}

/** What an objective looks at. */
export interface ArmView {
  readonly count: ArmCount;
  readonly latency: SparseHistogram;
}

/**
 * All success objectives speak of one failure ratio, so the strictest one implies the others. Where none is declared there is
 * still one of 99 %, for the bake only.
 */
export function openObjectives(
  objectives: readonly Objective[],
  atMs: number,
  plannedMs: number,
): readonly ObjectiveEvidence[] {
  const open = (name: string, signal: ObjectiveSignal, allowed: number): ObjectiveEvidence => ({
    name,
    signal,
    allowedRatio: Math.min(0.999, Math.max(allowedRatioMin, allowed)),
    stable: noBase(atMs),
    hold: openMixture(alternativeWeights, atMs, plannedMs),
    bake: null,
  });
  const [strictest] = objectives
    .filter((objective) => objective.kind === 'success')
    .toSorted((a, b) => b.ratioMin - a.ratioMin);
  const success =
    strictest === undefined
      ? open('success', { kind: 'success', isDeclared: false }, 1 - defaultSuccessRatio)
      : open(strictest.name, { kind: 'success', isDeclared: true }, 1 - strictest.ratioMin);
  const latencies = objectives
    .filter((objective) => objective.kind === 'latency')
    .map(({ name, quantile, limitMs }) =>
      open(name, { kind: 'latency', quantile, limitMs }, 1 - quantile),
    );
  return [success, ...latencies];
}

const defaultSuccessRatio = 0.99;

/** "100 %" can't be tested, one failure would refute it; it is taken as 99.99 %. */
const allowedRatioMin = 0.0001;

/** While stable has traffic. */
export function weighHold(
  objective: ObjectiveEvidence,
  arms: { readonly candidate: ArmView; readonly stable: ArmView },
  atMs: number,
): ObjectiveEvidence {
  const { signal, allowedRatio } = objective;
  const stableCount = badCount(arms.stable, signal);
  const stable =
    stableCount.requests > 0 ? addToBase(objective.stable, stableCount, atMs) : objective.stable;
  const count = badCount(arms.candidate, signal);
  if (count.requests === 0 || (signal.kind === 'success' && !signal.isDeclared)) {
    const { name, hold, bake } = objective;
    return stable === objective.stable
      ? objective
      : { name, signal, allowedRatio, stable, hold, bake };
  }
  const logs = logAllowed(count, allowedRatio);
  const mixture = advance(objective.hold, alternativeWeights, atMs, logs);
  const { name, bake } = objective;
  return { name, signal, allowedRatio, stable, hold: capped(mixture, holdLogMax), bake };
}

/** Two nats above the 20 at which an objective holds, so that the hold ends soon after an outage. */
const holdLogMax = Math.log(20) + 2;

/** The candidate has all traffic. */
export function weighBake(
  objective: ObjectiveEvidence,
  view: ArmView,
  moment: { readonly atMs: number; readonly plannedMs: number; readonly worseByRatio: number },
): ObjectiveEvidence {
  const count = badCount(view, objective.signal);
  if (count.requests === 0) return objective;
  const { atMs, plannedMs } = moment;
  const bake = objective.bake ?? {
    allowedRatio: allowedAlone(objective, moment),
    count: { requests: 0, failures: 0 },
    atMs,
    mixture: openMixture(alternativeWeights, atMs, plannedMs),
    kept: openMixture(keptWeights, atMs, plannedMs),
  };
  const logs = logAllowed(count, bake.allowedRatio);
  const mixture = advance(bake.mixture, alternativeWeights, atMs, logs);
  const next = { ...bake, count: plus(bake.count, count), atMs, mixture };
  if (bake.kept === undefined) return { ...objective, bake: next };
  const { allowedRatio } = bake;
  const keptLogs = keptParts.map((part) => logArmRatio(count, part * allowedRatio, allowedRatio));
  return { ...objective, bake: { ...next, kept: advance(bake.kept, keptWeights, atMs, keptLogs) } };
}

/**
 * Ratios under the allowed one, as parts of it. For t < x the same e-variable is one of "at least x":
 * E[E] = (1 + (t - x)(p - x) / (x (1 - x)))^n <= 1 for p >= x.
 */
const keptParts = [0.7, 0.4, 0.1] as const;
const keptWeights: readonly number[] = [0.3, 0.4, 0.3];

/**
 * What the objective allows, but never less than what promotion allowed: stable's own ratio and the margin. Otherwise a
 * service that has always failed 2 % of its requests would be thrown back after 100 % for being itself.
 */
function allowedAlone(
  { allowedRatio, signal, stable }: ObjectiveEvidence,
  { atMs, worseByRatio }: { readonly atMs: number; readonly worseByRatio: number },
): number {
  const margin = signal.kind === 'success' ? worseByRatio : slowMarginRatio;
  return Math.min(0.999, Math.max(allowedRatio, baseRatioAt(stable, atMs) + margin));
}

function badCount({ count, latency }: ArmView, signal: ObjectiveSignal): ArmCount {
  if (signal.kind === 'success') return count;
  const failures = slowCount(latency, 1000 * signal.limitMs);
  return { requests: histogramTotal(latency), failures };
}

function logAllowed(count: ArmCount, allowedRatio: number): readonly number[] {
  return worseRatios(allowedRatio).map((ratio) => logArmRatio(count, ratio, allowedRatio));
}
