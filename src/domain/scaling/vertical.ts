import {
  type DecayingHistogram,
  type HistogramScale,
  openHistogram,
  percentileOf,
  withWeighted,
} from './decaying-histogram.ts';

/**
 * What an instance should ask for, from what its like used (the recommender of Kubernetes' VerticalPodAutoscaler; figures from
 * its flags' defaults). CPU in cores, memory in bytes.
 */
export interface Resources {
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

export interface VerticalBounds {
  readonly min: Resources;
  readonly max: Resources;
}

const mebibyte = 1024 ** 2;

/** 100m and 128Mi to 2,000m and 2Gi. */
export const usualVerticalBounds: VerticalBounds = {
  min: { cpuCores: 0.1, memoryBytes: 128 * mebibyte },
  max: { cpuCores: 2, memoryBytes: 2048 * mebibyte },
};

const dayMs = 86_400_000;
const minuteMs = 60_000;

const cpuScale: HistogramScale = { first: 0.01, ratio: 1.05, most: 1000, halfLifeMs: dayMs };
const memoryScale: HistogramScale = { first: 1e7, ratio: 1.05, most: 1e12, halfLifeMs: dayMs };

/** What is remembered of one revision's use. */
export interface VerticalState {
  readonly cpu: DecayingHistogram;
  readonly memory: DecayingHistogram;
  /** By instance: its highest memory of the present day; only the peak counts. */
  readonly peaks: ReadonlyMap<string, MemoryPeak>;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of CPU; one a minute and instance is expected. */
  readonly samples: number;
}

interface MemoryPeak {
  readonly untilMs: number;
  readonly bytes: number;
}

export function openVertical(atMs: number): VerticalState {
  return {
    cpu: openHistogram(atMs),
    memory: openHistogram(atMs),
    peaks: new Map(),
    firstMs: atMs,
    lastMs: atMs,
    samples: 0,
  };
}

/** What one instance used since the last sample. */
export interface VerticalSample {
  readonly atMs: number;
  readonly instanceId: string;
  readonly used: Resources;
  /** What it asks for now; a busier instance says more, so its CPU weighs by it. */
  readonly requestedCpuCores: number;
}

/** One more sample: CPU by the histogram of all, memory by the peak of each instance and day. */
export function withUse(state: VerticalState, sample: VerticalSample): VerticalState {
  const { atMs, instanceId, used } = sample;
  const weight = Math.max(sample.requestedCpuCores, leastCpuWeight);
  const cpu = withWeighted(cpuScale, state.cpu, { value: used.cpuCores, weight, atMs });
  const { memory, peaks } = withMemory(state, instanceId, used.memoryBytes, atMs);
  return { ...state, cpu, memory, peaks, lastMs: atMs, samples: state.samples + 1 };
}

/** It was killed for want of memory: it would have used more, by a fifth or 100 MiB at least. */
export function withOutOfMemory(
  state: VerticalState,
  {
    atMs,
    instanceId,
    bytes,
  }: { readonly atMs: number; readonly instanceId: string; readonly bytes: number },
): VerticalState {
  const wanted = Math.max(bytes * outOfMemoryRatio, bytes + outOfMemoryBytes);
  const { memory, peaks } = withMemory(state, instanceId, wanted, atMs);
  return { ...state, memory, peaks, lastMs: atMs };
}

export interface Recommendation {
  readonly target: Resources;
  /** Below it an instance has too little, above `upper` it wastes; wide while little is known. */
  readonly lower: Resources;
  readonly upper: Resources;
}

/** Null: nothing is known yet. */
export function recommend(state: VerticalState, bounds: VerticalBounds): Recommendation | null {
  if (state.samples === 0) return null;
  const confidence = confidenceOf(state);
  const at = (ratio: number, factor: number): Resources => ({
    cpuCores: within(
      percentileOf(cpuScale, state.cpu, ratio) * margin * factor,
      bounds.min.cpuCores,
      bounds.max.cpuCores,
    ),
    memoryBytes: within(
      percentileOf(memoryScale, state.memory, ratio) * margin * factor,
      bounds.min.memoryBytes,
      bounds.max.memoryBytes,
    ),
  });
  return {
    target: at(0.9, 1),
    lower: at(0.5, (1 + 0.001 / confidence) ** -2),
    upper: at(0.95, 1 + 1 / confidence),
  };
}

/** Days of samples: by time, or by their number if there are fewer than one a minute. */
function confidenceOf({ firstMs, lastMs, samples }: VerticalState): number {
  const days = (lastMs - firstMs) / dayMs;
  return Math.max(leastConfidence, Math.min(days, (samples * minuteMs) / dayMs));
}

/** A higher peak takes the place of the day's former one. */
function withMemory(
  { memory, peaks }: VerticalState,
  instanceId: string,
  bytes: number,
  atMs: number,
): Pick<VerticalState, 'memory' | 'peaks'> {
  const known = peaks.get(instanceId);
  const peak = known !== undefined && atMs < known.untilMs ? known : null;
  if (peak !== null && bytes <= peak.bytes) return { memory, peaks };
  const untilMs = peak?.untilMs ?? atMs + dayMs;
  const less =
    peak === null
      ? memory
      : withWeighted(memoryScale, memory, { value: peak.bytes, weight: -1, atMs: untilMs });
  const more = withWeighted(memoryScale, less, { value: bytes, weight: 1, atMs: untilMs });
  const current = [...peaks].filter(([, each]) => atMs < each.untilMs);
  return { memory: more, peaks: new Map([...current, [instanceId, { untilMs, bytes }]]) };
}

function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

const margin = 1.15;
const leastCpuWeight = 0.1;
const outOfMemoryRatio = 1.2;
const outOfMemoryBytes = 100 * mebibyte;
/** Two samples' worth: below that the bounds are as wide as they get. */
const leastConfidence = minuteMs / dayMs;
