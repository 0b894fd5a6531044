import {
  closeBlock,
  type GateState,
  judge,
  observe,
  openGate,
} from '../../src/domain/gate/gate.ts';
import { adviceOf } from '../../src/domain/gate/findings.ts';
import type { GateQuestion, Verdict } from '../../src/domain/gate/verdict.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import { observationOf } from './observation.ts';
import { openProbing } from './probing.ts';
import type { Rule } from './rule.ts';
import { ourName, robustName, studySettings } from './study-settings.ts';
import type { Tick } from './stream.ts';

/** The product's own gate on a stream. */
export const ourRule = ruleOf(ourName, studySettings);

/**
 * Judges by instance and window, and takes the candidate's traffic away while it does where much fails. The longest incident is
 * declared as it is.
 */
export function robustRule(incidentMs: number): Rule {
  const settings = { ...studySettings, incidentMs };
  return {
    name: robustName,
    open: (plannedMs, run) => openProbing(new OurGate(settings, plannedMs), incidentMs, run),
  };
}

/** For the latency table: no tolerance, so that the requests needed can be set beside other methods'. */
export const latencyRule = ruleOf(ourName, { ...studySettings, slowerByRatio: 0 });

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

  /** The highest evidence so far. */
  get peakLogAgainst(): number {
    return this.#state.peakLogAgainst;
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
