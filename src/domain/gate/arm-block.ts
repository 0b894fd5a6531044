import type { ArmCount } from '../traffic/samples/traffic-sample.ts';

/**
 * Requests that are not evidence yet.
 *
 * Why blocks at all: the share of the candidate enters the e-variable, and where only one arm has requests there is nothing to
 * compare. Why not "until something fails": E averages to 1 over the outcomes of a block whose size was fixed without
 * looking at them. Ending a block early because a failure came in would choose the size by the outcome, and the proof would
 * be void. Counts and times are free to decide, because they don't tell how requests end.
 */
export interface ArmBlock {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
  /** When the first of the requests was seen; null: there is none. */
  readonly sinceMs: number | null;
}

export interface ArmPair {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

/** Requests of each arm that complete a block: enough for the observed share to mean something, few enough to be quick. */
export const blockRequestsMin = 3;

/** A block that is not complete by then ends with what it has. */
export const blockAgeMaxMs = 30_000;

export const noCount: ArmCount = { requests: 0, failures: 0 };
export const noBlock: ArmBlock = { candidate: noCount, stable: noCount, sinceMs: null };

export function extended(block: ArmBlock, more: ArmPair, atMs: number): ArmBlock {
  if (block.sinceMs === null) {
    return { candidate: more.candidate, stable: more.stable, sinceMs: atMs };
  }
  return {
    candidate: plus(block.candidate, more.candidate),
    stable: plus(block.stable, more.stable),
    sinceMs: block.sinceMs,
  };
}

/** `too-old`: one arm got nothing for long, so that a comparison would be between different times. */
export function readinessOf(
  { candidate, stable, sinceMs }: ArmBlock,
  atMs: number,
): 'ready' | 'waiting' | 'too-old' {
  const least = Math.min(candidate.requests, stable.requests);
  if (least >= blockRequestsMin) return 'ready';
  if (sinceMs === null || atMs - sinceMs < blockAgeMaxMs) return 'waiting';
  return least >= 1 ? 'ready' : 'too-old';
}

/**
 * Blocks of the promotion side are wider: its projections cost more, and nobody waits for a promotion by the tenth of a
 * second.
 */
export function wideReadinessOf(block: ArmBlock, atMs: number): 'ready' | 'waiting' | 'too-old' {
  const { candidate, stable, sinceMs } = block;
  const least = Math.min(candidate.requests, stable.requests);
  if (least >= wideRequestsMin) return 'ready';
  if (sinceMs === null || atMs - sinceMs < wideAgeMs) return 'waiting';
  return readinessOf(block, atMs);
}

const wideRequestsMin = 64;
const wideAgeMs = 500;

export function plus(a: ArmCount, b: ArmCount): ArmCount {
  if (b.requests === 0) return a;
  if (a.requests === 0) return b;
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}
