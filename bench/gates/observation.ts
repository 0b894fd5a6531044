import type { GateObservation, InstanceObservation } from '../../src/domain/gate/verdict.ts';
import type { InstanceTicks, Tick } from './stream.ts';

/** A tick of a stream as the product's sample of it. */
export function observationOf(tick: Tick): GateObservation {
  const { atMs, latency, routes, instances } = tick;
  const candidate = { requests: tick.candidateRequests, failures: tick.candidateFailures };
  const stable = { requests: tick.stableRequests, failures: tick.stableFailures };
  // The usual tick is made at once, as the study makes billions of them.
  if (latency !== null && routes === null && instances === null) {
    return { atMs, candidate, stable, latency };
  }
  return {
    atMs,
    candidate,
    stable,
    ...(latency === null ? {} : { latency }),
    ...(routes === null ? {} : { strata: routes }),
    ...(instances === null ? {} : { instances: instancesOf(instances) }),
  };
}

type InstanceCounts = readonly InstanceObservation[];

function instancesOf({ candidates, requests, failures }: InstanceTicks): {
  readonly candidate: InstanceCounts;
  readonly stable: InstanceCounts;
} {
  const candidate: InstanceObservation[] = [];
  const stable: InstanceObservation[] = [];
  for (let index = 0; index < requests.length; index += 1) {
    const count = requests[index] ?? 0;
    if (count === 0) continue;
    const instanceId = (ids[index] ??= `i${index}`);
    const arm = index < candidates ? candidate : stable;
    arm.push({ instanceId, requests: count, failures: failures[index] ?? 0 });
  }
  return { candidate, stable };
}

const ids: string[] = [];
