import { seededRandom } from '../../src/domain/traffic/seeded-random.ts';

/** A look at the load each so many seconds, as the autoscaler of Kubernetes does. */
export const stepSeconds = 15;
export const stepsPerDay = 86_400 / stepSeconds;

/** Two days of one service, as if recorded: what users ask for, whatever it is served by. */
export interface RecordedDays {
  /** Of each step. */
  readonly requestsPerSecond: Float64Array;
  /** Of one request, on one core. */
  readonly cpuSeconds: number;
  /** What an instance holds when it has just started, and what each hour of its life adds: a leak. */
  readonly memoryBytes: number;
  readonly leakBytesPerHour: number;
}

/** Days with a night of a tenth, a peak in the evening, noise of minutes, and some sudden spikes. */
export function recordedDays(seed: number): RecordedDays {
  const random = seededRandom(seed);
  const steps = 2 * stepsPerDay;
  const requestsPerSecond = new Float64Array(steps);
  const spikes = Array.from({ length: 8 }, () => ({
    from: Math.floor(random() * steps),
    steps: 20 + Math.floor(random() * 60),
    factor: 1.5 + random(),
  }));
  let noise = 0;
  for (let step = 0; step < steps; step += 1) {
    const hour = ((step / stepsPerDay) * 24) % 24;
    const day = 0.55 - 0.45 * Math.cos(((hour - 4) / 24) * 2 * Math.PI);
    const evening = 0.3 * Math.exp(-(((hour - 20) / 1.5) ** 2));
    // Keeps some 0.5 % of its way each step: minutes, not seconds, as the crowd of a service moves.
    noise = noise * 0.995 + (random() - 0.5) * 0.012;
    const spike = Math.max(
      1,
      ...spikes.filter((each) => isIn(each, step)).map(({ factor }) => factor),
    );
    requestsPerSecond[step] = Math.max(50, 3000 * (day + evening) * (1 + noise) * spike);
  }
  return { requestsPerSecond, cpuSeconds: 0.002, memoryBytes: 220e6, leakBytesPerHour: 12e6 };
}

function isIn(spike: { readonly from: number; readonly steps: number }, step: number): boolean {
  return step >= spike.from && step < spike.from + spike.steps;
}
