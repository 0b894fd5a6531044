import type { GateObservation } from './verdict.ts';
import type { InstanceTally } from './unit-lane.ts';

/**
 * One instance of several that has all the errors: a bad host, a bad start, or the version after all. It is told from the version
 * by taking it away: its requests stop being evidence, the evidence begins anew, and the instance that takes its place (or the
 * others) has to show the failures again.
 *
 * Beginning anew costs no false rollbacks: a candidate that is rolled back in the end has reached the limit once before, which
 * a good one does with a chance of alpha at most. It happens once in a release.
 */
export interface Suspect {
  readonly instanceId: string;
  readonly sinceMs: number;
  /** Its last request; once it has none, it is taken as replaced. */
  readonly seenAtMs: number;
}

/**
 * The instance that has all the errors; null: there is only one, or others fail too, or have not had the requests to show it.
 * "All" leaves the others what stable fails twice; "shown" is that at the bad one's ratio they would have had a failure
 * and four times what they had. That is few: of a version that fails half its requests, one instance has the first failures by
 * chance now and then. It is replaced in vain then, and the others go back with the version a moment later.
 */
export function loneCulprit(
  instances: readonly InstanceTally[],
  stableRatio: number,
): string | null {
  const [worst, ...others] = instances.toSorted((a, b) => b.failures - a.failures);
  if (worst === undefined || others.length === 0) return null;
  let requests = 0;
  let failures = 0;
  for (const other of others) {
    requests += other.requests;
    failures += other.failures;
  }
  const expected = (requests * worst.failures) / worst.requests;
  const isShown = expected >= 1 && failures * 4 <= expected;
  return isShown && failures <= 2 + 2 * stableRatio * requests ? worst.instanceId : null;
}

/** An observation without one instance of the candidate; its latencies and strata are left, as they are not by instance. */
export function withoutInstance(observation: GateObservation, instanceId: string): GateObservation {
  const { instances, candidate } = observation;
  const taken = instances?.candidate.find((each) => each.instanceId === instanceId);
  if (instances === undefined || taken === undefined) return observation;
  const rest = instances.candidate.filter((each) => each.instanceId !== instanceId);
  return {
    atMs: observation.atMs,
    stable: observation.stable,
    candidate: {
      requests: candidate.requests - taken.requests,
      failures: candidate.failures - taken.failures,
    },
    instances: { candidate: rest, stable: instances.stable },
    ...(observation.wantedShareRatio === undefined
      ? {}
      : { wantedShareRatio: observation.wantedShareRatio }),
    ...(observation.latency === undefined
      ? {}
      : {
          latency: {
            candidate: rest.flatMap((each) => each.latency ?? []),
            stable: observation.latency.stable,
          },
        }),
  };
}
