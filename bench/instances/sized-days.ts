import {
  openVertical,
  recommend,
  usualVerticalBounds,
  withOutOfMemory,
  withUse,
} from '../../src/domain/scaling/vertical.ts';
import { type RecordedDays, stepSeconds, stepsPerDay } from './recorded-days.ts';
import type { ServedDays } from './served-days.ts';

/** Memory of day two, by what an instance asks for. */
export interface SizedDays {
  /** What a person would ask for who took the highest use of day one and added 30 %. */
  readonly guessedBytes: number;
  readonly recommendedBytes: number;
  /** Instances of day two that would have needed more than recommended. */
  readonly outOfMemory: number;
  readonly savingRatio: number;
}

const minuteSteps = 60 / stepSeconds;

/**
 * Memory only: CPU is what the number of instances goes by, and two scalings on one metric would chase each other (the VPA's
 * documentation). Instances live for twelve hours, then somebody releases something.
 */
export function sized(days: RecordedDays, { instances }: ServedDays): SizedDays {
  let state = openVertical(0);
  let highest = 0;
  for (let step = 0; step < stepsPerDay; step += minuteSteps) {
    for (let index = 0; index < (instances[step] ?? 0); index += 1) {
      const memoryBytes = memoryAt(days, step, index);
      highest = Math.max(highest, memoryBytes);
      state = withUse(state, {
        atMs: step * stepSeconds * 1000,
        instanceId: `${index}`,
        used: { cpuCores: 0.5, memoryBytes },
        requestedCpuCores: 1,
      });
    }
  }
  const guessedBytes = highest * 1.3;
  let recommendedBytes = recommend(state, usualVerticalBounds)?.target.memoryBytes ?? guessedBytes;
  let outOfMemory = 0;
  let asked = 0;
  let guessed = 0;
  for (let step = stepsPerDay; step < 2 * stepsPerDay; step += minuteSteps) {
    for (let index = 0; index < (instances[step] ?? 0); index += 1) {
      const bytes = memoryAt(days, step, index);
      asked += recommendedBytes;
      guessed += guessedBytes;
      if (bytes <= recommendedBytes) continue;
      outOfMemory += 1;
      state = withOutOfMemory(state, {
        atMs: step * stepSeconds * 1000,
        instanceId: `${index}`,
        bytes,
      });
      recommendedBytes = recommend(state, usualVerticalBounds)?.target.memoryBytes ?? guessedBytes;
    }
  }
  return { guessedBytes, recommendedBytes, outOfMemory, savingRatio: 1 - asked / guessed };
}

/** Of an instance by its age: those of higher number started later in the half day. */
function memoryAt(days: RecordedDays, step: number, index: number): number {
  const ageHours = ((step + index * 37) % (stepsPerDay / 2)) * (stepSeconds / 3600);
  const share = ((days.requestsPerSecond[step] ?? 0) / 5000) * 80e6;
  return days.memoryBytes + share + ageHours * days.leakBytesPerHour;
}
