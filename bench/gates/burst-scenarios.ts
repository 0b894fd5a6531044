import { scenario } from './scenario.ts';
import type { InstanceIncidents, Scenario } from './stream.ts';

/** Incidents of one instance, in which 90 % of its requests fail; 40 instances, two of them the candidate's. */
interface BurstKind {
  readonly name: string;
  readonly lengthMs: number;
  readonly meanMsBetween: number;
}

const kinds: readonly BurstKind[] = [
  { name: '0.2 s, one in 10 min', lengthMs: 200, meanMsBetween: 600_000 },
  { name: '0.2 s, one a minute', lengthMs: 200, meanMsBetween: 60_000 },
  { name: '1 s, one in 10 min', lengthMs: 1000, meanMsBetween: 600_000 },
  { name: '5 s, one an hour', lengthMs: 5000, meanMsBetween: 3_600_000 },
];

/** Nobody is worse: incidents hit both versions at one rate. */
export const burstNullScenarios: readonly Scenario[] = kinds.map((kind) => burst(kind, 0.001, ''));

/** Bad candidates among incidents of 1 and 5 s. */
export const burstBadScenarios: readonly Scenario[] = kinds
  .filter((kind) => kind.lengthMs >= 1000)
  .flatMap((kind) => [
    burst(kind, 1, ', candidate 100 %'),
    burst(kind, 0.5, ', candidate 50 %'),
    burst(kind, 0.051, ', candidate +5 pp'),
    burst(kind, 0.005, ', candidate 5x'),
  ]);

function burst(kind: BurstKind, candidateRatio: number, suffix: string): Scenario {
  const instances: InstanceIncidents = {
    candidates: 2,
    stables: 38,
    meanMsBetween: kind.meanMsBetween,
    lengthMs: kind.lengthMs,
    failureRatio: 0.9,
  };
  return scenario({
    name: `bursts of ${kind.name} and instance${suffix}`,
    requestsPerSecond: 800,
    share: 0.05,
    rates: { candidateRatio, stableRatio: 0.001 },
    instances,
  });
}
