import {
  latencyBucketCount,
  latencyBucketLowerUs,
} from '../../src/domain/traffic/samples/latency-buckets.ts';
import { isHigh } from './kayenta.ts';
import type { Histogram } from './latency-stream.ts';
import type { Rule } from './rule.ts';

const limitMs = 500;

/** Flagger's built-in check, p99 below a limit (500 ms, as in its documentation), and Kayenta on p95 by the minute. */
export const latencyRules: readonly Rule[] = [
  fixedP99({ name: 'p99<500 10s x1', intervalMs: 10_000, windowMs: 10_000, failedChecksMax: 1 }),
  fixedP99({ name: 'p99<500 10s x5', intervalMs: 10_000, windowMs: 60_000, failedChecksMax: 5 }),
  fixedP99({ name: 'p99<500 1m x5', intervalMs: 60_000, windowMs: 60_000, failedChecksMax: 5 }),
  kayentaP95(),
];

function fixedP99(rule: {
  readonly name: string;
  readonly intervalMs: number;
  readonly windowMs: number;
  readonly failedChecksMax: number;
}): Rule {
  const slots = rule.windowMs / rule.intervalMs;
  const open: Rule['open'] = () => {
    const counts = Array.from({ length: slots }, () => new Float64Array(latencyBucketCount));
    let slot = 0;
    let failedChecks = 0;
    return {
      changeStep: () => undefined,
      take: (tick) => {
        addTo(counts[slot], tick.latency?.candidate ?? []);
        if (tick.atMs % rule.intervalMs !== 0) return false;
        const p99 = quantileMs(counts, 0.99);
        // No data is a failed check.
        if (p99 === null || p99 >= limitMs) failedChecks += 1;
        slot = (slot + 1) % slots;
        counts[slot]?.fill(0);
        return failedChecks >= rule.failedChecksMax;
      },
    };
  };
  return { name: rule.name, open };
}

function kayentaP95(): Rule {
  const open: Rule['open'] = () => {
    const candidate: number[] = [];
    const stable: number[] = [];
    const counts = [new Float64Array(latencyBucketCount), new Float64Array(latencyBucketCount)];
    return {
      changeStep: () => undefined,
      take: (tick) => {
        addTo(counts[0], tick.latency?.candidate ?? []);
        addTo(counts[1], tick.latency?.stable ?? []);
        if (tick.atMs % 60_000 !== 0) return false;
        for (const [arm, points] of [candidate, stable].entries()) {
          const own = counts[arm];
          const p95 = own === undefined ? null : quantileMs([own], 0.95);
          if (p95 !== null) points.push(p95);
          own?.fill(0);
        }
        return tick.atMs % 300_000 === 0 && isHigh(candidate, stable);
      },
    };
  };
  return { name: 'Kayenta p95', open };
}

function addTo(counts: Float64Array | undefined, more: Histogram): void {
  if (counts === undefined) return;
  for (const [bucket, count] of more) counts[bucket] = (counts[bucket] ?? 0) + count;
}

/** Linear within the bucket, as Prometheus has it. Null: no requests. */
export function quantileMs(parts: readonly Float64Array[], quantile: number): number | null {
  let total = 0;
  for (const part of parts) for (const count of part) total += count;
  if (total === 0) return null;
  let below = 0;
  for (let bucket = 0; bucket < latencyBucketCount; bucket += 1) {
    let count = 0;
    for (const part of parts) count += part[bucket] ?? 0;
    if (count > 0 && below + count >= quantile * total) {
      const [low, high] = [latencyBucketLowerUs(bucket), latencyBucketLowerUs(bucket + 1)];
      return (low + ((high - low) * (quantile * total - below)) / count) / 1000;
    }
    below += count;
  }
  return null;
}
