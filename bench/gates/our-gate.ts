import {
  closeBlock,
  type GateState,
  judge,
  observe,
  openGate,
} from '../../src/domain/gate/gate.ts';
import type { GateObservation, GateQuestion, Verdict } from '../../src/domain/gate/verdict.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import type { Rule } from './rule.ts';
import type { Tick } from './stream.ts';

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

const withoutTolerance = { slowerByRatio: 0 };
/** For the latency table, so that the requests needed can be set beside other methods'. */
export const latencyRule = ruleOf('Tidegate', { ...studySettings, ...withoutTolerance });

/** What the product's gate can do; figures of what it can't are null in the result. */
export const abilities = {
  latency: 'latency' in openGate(studySettings, [], 0, 0),
  /** By instance: `observationOf` leaves `tick.instances` out. */
  bursts: false,
} as const;

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

  /** The verdict of a step. */
  judge(question: GateQuestion): Verdict['kind'] {
    return judge(this.#state, question).kind;
  }
}

function observationOf(tick: Tick): GateObservation {
  return {
    atMs: tick.atMs,
    candidate: { requests: tick.candidateRequests, failures: tick.candidateFailures },
    stable: { requests: tick.stableRequests, failures: tick.stableFailures },
    ...(tick.latency === null ? {} : { latency: tick.latency }),
  };
}
