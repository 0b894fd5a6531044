import { OurGate } from '../our-gate.ts';
import { studySettings } from '../study-settings.ts';
import { thin } from '../probing.ts';
import { binomial, seeded } from '../random.ts';
import { scenario } from '../scenario.ts';
import { openStream, type Scenario } from '../stream.ts';

/** One release of two instances among 40, of which each now and then fails all for some seconds, and who judges it. */
export interface BurstRelease {
  readonly moments: readonly BurstMoment[];
  readonly failedRequests: number;
  readonly failedAtMs: number | null;
}

export interface BurstMoment {
  readonly atMs: number;
  readonly against: number;
  readonly lane: 'all' | 'park' | 'probe';
  /** Of the candidate in this tick. */
  readonly requests: number;
  readonly failures: number;
}

export const incidentMs = 5000;
export const burstDurationMs = 40_000;
const tickMs = 100;
const requestsPerSecond = 800;

export function burstScenario(candidateRatio: number, hasIncidents: boolean): Scenario {
  return scenario({
    name: 'drawn bursts',
    requestsPerSecond,
    share: 0.05,
    rates: { candidateRatio, stableRatio: 0.001 },
    durationMs: burstDurationMs,
    instances: {
      candidates: 2,
      stables: 38,
      meanMsBetween: hasIncidents ? 200_000 : 1e12,
      lengthMs: 3000,
      failureRatio: 0.9,
    },
  });
}

/** With windows the gate's advice is followed from the next tick on, as the product does. */
export function burstRelease(of: Scenario, run: number, isByWindow: boolean): BurstRelease {
  const settings = isByWindow ? { ...studySettings, incidentMs } : studySettings;
  const gate = new OurGate(settings, 600_000);
  const next = openStream(of, run, tickMs);
  const random = seeded('drawn probes', run);
  const moments: BurstMoment[] = [];
  let lane: BurstMoment['lane'] = 'all';
  let probes = 0;
  let failedRequests = 0;
  for (let number = 1; number * tickMs <= of.durationMs; number += 1) {
    const tick = next(number);
    const { instances, atMs } = tick;
    if (instances !== null && lane !== 'all') {
      const usual = (requestsPerSecond / 40) * (incidentMs / 1000);
      const kept = lane === 'park' ? 0 : probes / usual;
      thin(tick, instances, (count) => binomial(random, count, kept));
    }
    failedRequests += tick.candidateFailures;
    gate.take(tick);
    const question = { atMs, stepSinceMs: 0, weightPercent: 5, isLastGate: true };
    const { kind, explanation } = gate.verdict(question);
    const { candidateRequests: requests, candidateFailures: failures } = tick;
    moments.push({ atMs, against: explanation.against, lane, requests, failures });
    if (kind === 'fail') return { moments, failedRequests, failedAtMs: atMs };
    const { advice } = explanation;
    const wanted = advice === null || advice.kind === 'replace-instance' ? 'all' : advice.kind;
    if (wanted !== lane) gate.closeBlock();
    lane = wanted;
    if (advice?.kind === 'probe') probes = advice.requestsPerInstance;
  }
  return { moments, failedRequests, failedAtMs: null };
}
