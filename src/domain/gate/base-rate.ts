import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { clampRatio } from './e-variable.ts';

/** Stable's counts with a half-life, up to and including the last block. */
export interface BaseRate {
  readonly requests: number;
  readonly failures: number;
  readonly atMs: number;
}

/**
 * Stable's failure ratio as known at `atMs`: recent counts (half-life 60 s) and a prior of 1 failure in 200. It chooses the
 * alternatives; a wrong value costs power, never validity, as long as it is taken before the block is seen.
 */
export function baseRatioAt(base: BaseRate, atMs: number): number {
  const kept = keptAfter(atMs - base.atMs);
  return clampRatio(
    (priorFailures + kept * base.failures) / (priorRequests + kept * base.requests),
  );
}

export function addToBase(base: BaseRate, stable: ArmCount, atMs: number): BaseRate {
  const kept = keptAfter(atMs - base.atMs);
  return {
    requests: base.requests * kept + stable.requests,
    failures: base.failures * kept + stable.failures,
    atMs,
  };
}

/** The part of a count that still counts after `elapsedMs`. */
export function keptAfter(elapsedMs: number): number {
  return elapsedMs <= 0 ? 1 : 0.5 ** (elapsedMs / halfLifeMs);
}

export function noBase(atMs: number): BaseRate {
  return { requests: 0, failures: 0, atMs };
}

const priorFailures = 1;
const priorRequests = 200;
const halfLifeMs = 60_000;
