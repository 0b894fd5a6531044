import {
  type HorizontalScaling,
  openHorizontal,
  scaleHorizontally,
} from '../../src/domain/scaling/horizontal.ts';
import { type RecordedDays, stepSeconds } from './recorded-days.ts';

/** What serving the recorded days took and gave. */
export interface ServedDays {
  readonly instanceHours: number;
  /** Of all requests; an answer takes its turn at its instance (M/M/1) and waits for what was left over before. */
  readonly p95Ms: number;
  /** Instances at each step. */
  readonly instances: Float64Array;
  /** Changes of the number, and those of them that turn around one of the five minutes before. */
  readonly changes: number;
  readonly turns: number;
}

/** How long an instance takes until it is ready. */
const startSteps = 2;

interface Instance {
  readonly sinceStep: number;
}

/** As many instances all the time. */
export function servedByFixed(days: RecordedDays, count: number): ServedDays {
  return served(days, () => count, count);
}

/** As many as the horizontal scaling wants after each step; memory and metrics of the service's own play no part. */
export function servedByScaling(days: RecordedDays, scaling: HorizontalScaling): ServedDays {
  let state = openHorizontal;
  const next: Next = ({ step, usages, present }) => {
    const look = {
      atMs: (step + 1) * stepSeconds * 1000,
      present,
      usages: new Map([['cpu', usages]]),
    };
    const scaled = scaleHorizontally(scaling, state, look);
    state = scaled.state;
    return scaled.decision.instances;
  };
  return served(days, next, scaling.min);
}

type Next = (seen: {
  readonly step: number;
  readonly present: number;
  readonly usages: readonly {
    readonly instanceId: string;
    readonly value: number;
    readonly isReady: boolean;
  }[];
}) => number;

function served(days: RecordedDays, next: Next, first: number): ServedDays {
  const steps = days.requestsPerSecond.length;
  let instances: readonly Instance[] = started(first, -startSteps);
  const counts = new Float64Array(steps);
  const waits: Wait[] = [];
  let leftSeconds = 0;
  for (let step = 0; step < steps; step += 1) {
    const ready = instances.filter(({ sinceStep }) => step - sinceStep >= startSteps).length;
    const rate = days.requestsPerSecond[step] ?? 0;
    const wait = waitOf({ rate, ready, leftSeconds, cpuSeconds: days.cpuSeconds });
    leftSeconds = wait.leftSeconds;
    waits.push(wait);
    counts[step] = instances.length;
    const usages = instances.map(({ sinceStep }, index) => {
      const isReady = step - sinceStep >= startSteps;
      return { instanceId: `${index}`, value: isReady ? wait.busyRatio : 0, isReady };
    });
    const wanted = next({ step, present: instances.length, usages });
    instances =
      wanted > instances.length
        ? [...instances, ...started(wanted - instances.length, step + 1)]
        : instances.slice(0, wanted);
  }
  const hours = counts.reduce((sum, count) => sum + count, 0) * (stepSeconds / 3600);
  return {
    instanceHours: hours,
    p95Ms: quantileMs(waits, 0.95),
    instances: counts,
    ...turnsOf(counts),
  };
}

function started(count: number, sinceStep: number): readonly Instance[] {
  return Array.from({ length: count }, () => ({ sinceStep }));
}

interface Wait {
  readonly requests: number;
  /** Of the requests of this step: a wait that all have, and the mean of the exponential that follows. */
  readonly fixedMs: number;
  readonly meanMs: number;
  readonly busyRatio: number;
  /** CPU seconds that are still to be done at its end. */
  readonly leftSeconds: number;
}

function waitOf(at: {
  readonly rate: number;
  readonly ready: number;
  readonly leftSeconds: number;
  readonly cpuSeconds: number;
}): Wait {
  const { rate, ready, cpuSeconds } = at;
  const room = ready * stepSeconds;
  const asked = at.leftSeconds + rate * cpuSeconds * stepSeconds;
  const leftSeconds = Math.max(0, asked - room);
  // What is left over is the wait; beside it nobody is idle any more, and the queue's own formula has no meaning there.
  const busy = Math.min(0.98, (rate * cpuSeconds) / ready);
  return {
    requests: rate * stepSeconds,
    fixedMs: ((at.leftSeconds + leftSeconds) / 2 / ready) * 1000,
    meanMs: (cpuSeconds * 1000) / (1 - busy),
    busyRatio: Math.min(1, asked / room),
    leftSeconds,
  };
}

/** Of a mixture of shifted exponentials, by bisection. */
function quantileMs(waits: readonly Wait[], quantile: number): number {
  const all = waits.reduce((sum, { requests }) => sum + requests, 0);
  const slower = (ms: number) =>
    waits.reduce((sum, { requests, fixedMs, meanMs }) => {
      return sum + requests * Math.exp(-Math.max(0, ms - fixedMs) / meanMs);
    }, 0) / all;
  let [low, high] = [0, 1e7];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    if (slower(middle) > 1 - quantile) low = middle;
    else high = middle;
  }
  return high;
}

function turnsOf(counts: Float64Array): Pick<ServedDays, 'changes' | 'turns'> {
  const fiveMinutes = 300 / stepSeconds;
  const changes = [...counts].flatMap((count, step) => {
    const by = count - (counts[step - 1] ?? count);
    return by === 0 ? [] : [{ step, isUp: by > 0 }];
  });
  const turns = changes.filter(({ step, isUp }, index) => {
    const before = changes[index - 1];
    return before !== undefined && before.isUp !== isUp && step - before.step < fiveMinutes;
  });
  return { changes: changes.length, turns: turns.length };
}
