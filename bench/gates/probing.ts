import { binomial, seeded } from './random.ts';
import type { OpenRule } from './rule.ts';
import type { InstanceTicks, Tick } from './stream.ts';

/** A gate that says what to do with the candidate's traffic. */
interface AdvisingGate {
  readonly take: (tick: Tick) => void;
  readonly closeBlock: () => void;
  readonly hasFailed: boolean;
  /** `park`, `probe`, or what is none of the traffic's business. */
  readonly advice: string | null;
}

/** Follows the gate's advice from the next tick on. The stream's requests to the candidate are then thinned out. */
export function openProbing(gate: AdvisingGate, incidentMs: number, run: number): OpenRule {
  const random = seeded('probes', run);
  let advice: string | null = null;
  let stableRequests = 0;
  let stables = 1;
  let requests = 0;
  let failedRequests = 0;
  return {
    changeStep: () => gate.closeBlock(),
    cost: () => ({ requests, failedRequests }),
    take: (tick) => {
      const { instances } = tick;
      if (instances !== null) {
        stables = instances.requests.length - instances.candidates;
        stableRequests += tick.stableRequests;
        const usual = (stableRequests / stables / tick.atMs) * incidentMs;
        if (advice === 'park') thin(tick, instances, () => 0);
        if (advice === 'probe') {
          thin(tick, instances, (count) => binomial(random, count, probesPerInstance / usual));
        }
      }
      requests += tick.candidateRequests;
      failedRequests += tick.candidateFailures;
      gate.take(tick);
      const next = gate.advice;
      if (next !== advice) gate.closeBlock();
      advice = next;
      return gate.hasFailed;
    },
  };
}

/** As the product advises: park.ts. */
const probesPerInstance = 2;

/** Of the candidate's requests, failed and not, only some are sent there. */
export function thin(tick: Tick, instances: InstanceTicks, kept: (count: number) => number): void {
  const { candidates, requests, failures } = instances;
  tick.candidateRequests = 0;
  tick.candidateFailures = 0;
  for (let index = 0; index < candidates; index += 1) {
    const failed = failures[index] ?? 0;
    const stillFailed = kept(failed);
    const still = stillFailed + kept((requests[index] ?? 0) - failed);
    requests[index] = still;
    failures[index] = stillFailed;
    tick.candidateRequests += still;
    tick.candidateFailures += stillFailed;
  }
}
