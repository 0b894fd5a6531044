import {
  closeBlock,
  type GateState,
  judge,
  observe,
  openGate,
} from '../../src/domain/gate/gate.ts';
import { adviceOf } from '../../src/domain/gate/judge.ts';
import type {
  GateObservation,
  GateQuestion,
  InstanceObservation,
  Verdict,
} from '../../src/domain/gate/verdict.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import { binomial, seeded } from './random.ts';
import type { OpenRule, Rule } from './rule.ts';
import type { InstanceTicks, Tick } from './stream.ts';

/**
 * The product's own gate on a stream: everything that the study knows of it stands in this file.
 */
export const studySettings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  // Four steps of 7.5 s: 30 s of soak in all.
  soakMs: 7500,
  atMostMs: 600_000,
};

export const ourRule = ruleOf('Tidegate', studySettings);

/**
 * Judges by instance and window, and takes the candidate's traffic away while it does where much fails. The longest incident is
 * declared as it is.
 */
export function robustRule(incidentMs: number): Rule {
  const open: Rule['open'] = (plannedMs, run) => openRobust({ incidentMs, plannedMs, run });
  return { name: robustName, open };
}

export const robustName = 'Tidegate, incidents declared';

/** For the latency table: no tolerance, so that the requests needed can be set beside other methods'. */
export const latencyRule = ruleOf('Tidegate', { ...studySettings, slowerByRatio: 0 });

function ruleOf(name: string, settings: GateSettings): Rule {
  const open: Rule['open'] = (plannedMs) => {
    const gate = new OurGate(settings, plannedMs);
    return {
      changeStep: () => gate.closeBlock(),
      take: (tick) => {
        gate.take(tick);
        return gate.hasFailed;
      },
    };
  };
  return { name, open };
}

/** Follows the gate's advice from the next tick on. The stream's requests to the candidate are then thinned out. */
function openRobust({
  incidentMs,
  plannedMs,
  run,
}: {
  readonly incidentMs: number;
  readonly plannedMs: number;
  readonly run: number;
}): OpenRule {
  const gate = new OurGate({ ...studySettings, incidentMs }, plannedMs);
  const random = seeded('probes', run);
  let advice: string | null = null;
  let stableRequests = 0;
  let stables = 1;
  let cost = { requests: 0, failedRequests: 0 };
  return {
    changeStep: () => gate.closeBlock(),
    cost: () => cost,
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
      cost = {
        requests: cost.requests + tick.candidateRequests,
        failedRequests: cost.failedRequests + tick.candidateFailures,
      };
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

/** One release's gate. Verdicts come from `judge` alone; the glance at the peak before it only spares sentences. */
export class OurGate {
  #state: GateState;
  readonly #logFailLimit: number;

  constructor(settings: GateSettings, plannedMs: number) {
    this.#state = openGate(settings, [], 0, plannedMs);
    this.#logFailLimit = -Math.log(settings.falseRollbackRatio);
  }

  take(tick: Tick): void {
    // The product leaves intervals without a request out of its samples.
    if (tick.candidateRequests === 0 && tick.stableRequests === 0) return;
    this.#state = observe(this.#state, observationOf(tick));
  }

  closeBlock(): void {
    this.#state = closeBlock(this.#state);
  }

  get hasFailed(): boolean {
    if (this.#state.peakLogAgainst < this.#logFailLimit) return false;
    const question = { atMs: this.#state.lastAtMs, stepSinceMs: 0, weightPercent: 5 };
    return judge(this.#state, { ...question, isLastGate: false }).kind === 'fail';
  }

  /** `park`, `probe`, or null: what the one who sets weights should do now. */
  get advice(): string | null {
    return adviceOf(this.#state)?.kind ?? null;
  }

  /** The verdict of a step. */
  judge(question: GateQuestion): Verdict['kind'] {
    return this.verdict(question).kind;
  }

  /** The same with its explanation: what is drawn. */
  verdict(question: GateQuestion): Verdict {
    return judge(this.#state, question);
  }
}

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
