import type { GateSettings } from '../../../src/domain/release/revision.ts';
import type { Verdict } from '../../../src/domain/gate/gate.ts';
import { OurGate } from '../our-gate.ts';
import { openStream, type Scenario, type Tick } from '../stream.ts';

/** What the gate says of one release while time goes by. */
export interface TracePoint {
  readonly atMs: number;
  readonly verdict: Verdict;
}

export interface Trace {
  readonly points: readonly TracePoint[];
  /** Of the candidate, until the end of the trace. */
  readonly failedRequests: number;
  readonly failedAtMs: number | null;
}

/**
 * Lets the product's gate judge one release at a steady weight. It is asked at the given times, and where it rolls back; there
 * the trace ends.
 */
export function traceOf(
  scenario: Scenario,
  settings: GateSettings,
  options: {
    readonly run: number;
    readonly tickMs: number;
    /** Times of the points, in order; rounded up to the next tick. */
    readonly askedAtMs: readonly number[];
    readonly onTick?: (tick: Tick) => void;
  },
): Trace {
  const { run, tickMs, askedAtMs, onTick } = options;
  const next = openStream(scenario, run, tickMs);
  const gate = new OurGate(settings, scenario.durationMs);
  const points: TracePoint[] = [];
  let asked = 0;
  let failedRequests = 0;
  for (let number = 1; number * tickMs <= scenario.durationMs; number += 1) {
    const tick = next(number);
    onTick?.(tick);
    failedRequests += tick.candidateFailures;
    gate.take(tick);
    const { atMs } = tick;
    const hasFailed = gate.hasFailed;
    if (!hasFailed && (askedAtMs[asked] ?? Infinity) > atMs) continue;
    while ((askedAtMs[asked] ?? Infinity) <= atMs) asked += 1;
    const weightPercent = 100 * scenario.shareAt(atMs - tickMs);
    const question = { atMs, stepSinceMs: 0, weightPercent, isLastGate: true };
    points.push({ atMs, verdict: gate.verdict(question) });
    if (hasFailed) return { points, failedRequests, failedAtMs: atMs };
  }
  return { points, failedRequests, failedAtMs: null };
}

/** Times with a like number for each power of ten, both ends among them. */
export function geometricTimes(fromMs: number, toMs: number, perDecade: number): number[] {
  const count = Math.ceil(perDecade * Math.log10(toMs / fromMs));
  return Array.from({ length: count + 1 }, (_, index) =>
    Math.round(fromMs * (toMs / fromMs) ** (index / count)),
  );
}

export function evenTimes(everyMs: number, toMs: number): number[] {
  return Array.from({ length: Math.floor(toMs / everyMs) }, (_, index) => (index + 1) * everyMs);
}
