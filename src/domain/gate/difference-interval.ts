import { type ArmBlock, type ArmPair, extended, noBlock, readinessOf } from './arm-block.ts';
import { addToBase, type BaseRate, baseRatioAt, noBase } from './base-rate.ts';
import { type Block, logLikelihoodRatio, onMargin, type RatePair, sizesOf } from './e-variable.ts';

/**
 * An interval for the difference of the failure ratios, candidate less stable, that may be read at any moment: with a chance of
 * 95 % it has the difference in it at all times together (a confidence sequence). It is for people; verdicts rest on the
 * evidence itself.
 *
 * It comes from tests turned round, without an approximation: for each d of a grid one process says "the difference is not d or
 * more" and one "not d or less", each of the kind of e-variable.ts with its projection on the line x_c = x_s + d. A d whose
 * process has ever reached 40 is out, and the interval is what is left. 40 and not 20, as there are two sides. Only one d of
 * each side matters, the true one, so a finer grid costs time and no confidence. It says nothing of a difference that
 * changes, except that it wasn't out of the interval all the time; the rates themselves may drift.
 *
 * The bets: the ratios of both arms as known before the block, where these are on the other side of d; else none.
 */
export interface DifferenceInterval {
  readonly block: ArmBlock;
  readonly candidate: BaseRate;
  readonly stable: BaseRate;
  /** log E of "d or more", by the grid; null: out. */
  readonly orMore: readonly (number | null)[];
  /** log E of "d or less". */
  readonly orLess: readonly (number | null)[];
}

export function openDifferenceInterval(atMs: number): DifferenceInterval {
  return {
    block: noBlock,
    candidate: noBase(atMs),
    stable: noBase(atMs),
    orMore: grid.map(() => 0),
    orLess: grid.map(() => 0),
  };
}

export function addToInterval(
  interval: DifferenceInterval,
  pair: ArmPair,
  atMs: number,
): DifferenceInterval {
  const block = extended(interval.block, pair, atMs);
  const isDue = block.sinceMs !== null && atMs - block.sinceMs >= blockMs;
  const readiness = isDue ? readinessOf(block, atMs) : 'waiting';
  const { candidate, stable, orMore, orLess } = interval;
  if (readiness === 'waiting') return { block, candidate, stable, orMore, orLess };
  if (readiness === 'too-old') return { ...interval, block: noBlock };
  const known = {
    candidateRatio: baseRatioAt(interval.candidate, atMs),
    stableRatio: baseRatioAt(interval.stable, atMs),
  };
  const turnedBlock = { candidate: block.stable, stable: block.candidate };
  const turned = { candidateRatio: known.stableRatio, stableRatio: known.candidateRatio };
  return {
    block: noBlock,
    candidate: addToBase(interval.candidate, block.candidate, atMs),
    stable: addToBase(interval.stable, block.stable, atMs),
    orMore: interval.orMore.map((log, index) => weighed(log, block, known, grid[index] ?? 0)),
    orLess: interval.orLess.map((log, index) =>
      weighed(log, turnedBlock, turned, -(grid[index] ?? 0)),
    ),
  };
}

export function closeIntervalBlock(interval: DifferenceInterval): DifferenceInterval {
  return { ...interval, block: noBlock };
}

/** The interval now, in ratios; -1 and 1 where nothing is excluded yet. */
export function differenceBounds({ orMore, orLess }: DifferenceInterval): {
  readonly lowRatio: number;
  readonly highRatio: number;
} {
  // A larger difference is out as well where a smaller one is.
  const high = orMore.indexOf(null);
  const low = orLess.lastIndexOf(null);
  return { lowRatio: grid[low] ?? -1, highRatio: grid[high] ?? 1 };
}

export const intervalConfidence = 0.95;

const steps = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5] as const;
const grid: readonly number[] = [...steps.toReversed().map((step) => -step), 0, ...steps];
const logLimit = Math.log(2 / (1 - intervalConfidence));
/** Every other second is often enough to read, and a block costs some microseconds. */
const blockMs = 2000;

function weighed(log: number | null, block: Block, known: RatePair, d: number): number | null {
  if (log === null) return null;
  if (known.candidateRatio >= known.stableRatio + d) return log;
  const nearest = onMargin(sizesOf(block), known, d);
  const next = rounded(log + logLikelihoodRatio(block, known, nearest));
  return next >= logLimit ? null : next;
}

/** The state is stored often. Downwards, so that it stays valid; it costs 0.0001 nats a block. */
function rounded(log: number): number {
  return Math.floor(1e4 * log) / 1e4;
}
