import { closeBlock, openGate } from '../../domain/gate/gate.ts';
import type { RecordedSecond } from '../../domain/gate/recorded-rule.ts';
import { verdictAt } from '../../domain/release/step-verdict.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import type { GateSettings, Objective, Plan } from '../../domain/release/revision.ts';
import { seeSample } from '../../domain/release/seeing/see.ts';
import type { Cause, Decision, Rollout, ServiceState } from '../../domain/release/service-state.ts';
import { plannedMs } from '../../domain/release/start.ts';
import { type ArmCount, totalCount } from '../../domain/traffic/samples/traffic-sample.ts';

/** What of a policy is tried on recorded traffic. */
export interface TriedPolicy {
  readonly gate: GateSettings;
  /** Null: those the recorded rollout had. */
  readonly objectives: readonly Objective[] | null;
}

/** What was, or would have been, decided; times since the first weight was in force, requests until then. */
export interface DecidedAt {
  readonly afterMs: number;
  readonly candidate: ArmCount;
  readonly sentence: string;
}

export type PolicyOutcome =
  | ({ readonly kind: 'rolled-back' } & DecidedAt)
  /** It lets every step pass when the recorded rollout left it or earlier, and never goes back. */
  | ({ readonly kind: 'promoted' } & DecidedAt)
  /** It would have stayed at a step that the recorded rollout left: later shares are not its own. */
  | ({
      readonly kind: 'holds';
      readonly weightPercent: number;
      /** What its gate said later of the recorded requests all the same; null: nothing. */
      readonly laterRollBack: DecidedAt | null;
    } & DecidedAt)
  /** The recorded traffic ends before it decides. */
  | ({ readonly kind: 'unknown' } & DecidedAt)
  /** The rollout ended for a reason that no gate has a say in: a crash loop, instances that never became ready. */
  | ({ readonly kind: 'not-by-gate' } & DecidedAt);

/**
 * A gate of another policy beside a recorded rollout. It sees the samples that the recorded gate saw, at the weights that were
 * in force, and is asked the same questions; it steers nothing.
 *
 * B1  Evidence of a policy's gate is exact: it depends on samples and shares, and both are recorded.
 * B2  Only the first departure of the policy from what was recorded is known. After it the policy would have had other
 *     shares: a roll-back is the end, a hold and the end of the recorded traffic are "unknown from here".
 * B3  A policy that passes a step earlier is not followed ahead; its time is that of the recorded rollout at most.
 * B4  What a person did, pauses, waits and the bake are those recorded.
 */
export class PolicyShadow {
  readonly #plan: Plan;
  readonly #seconds: RecordedSecond[] = [];
  #gate: Rollout['gate'];
  #sinceMs: number | null = null;
  #weightPercent = 100;
  /** Of both arms, from the rollout's start on. */
  #traffic: {
    readonly requests: number;
    readonly sinceMs: number;
    readonly untilMs: number;
  } | null = null;
  #passedStep: number | null = null;
  #rolledBack: DecidedAt | null = null;
  #held: (DecidedAt & { readonly weightPercent: number }) | null = null;
  #last: DecidedAt = {
    afterMs: 0,
    candidate: { requests: 0, failures: 0 },
    sentence: 'no request',
  };

  constructor(rollout: Rollout, policy: TriedPolicy, event: ReleaseEvent) {
    const objectives = policy.objectives ?? rollout.plan.objectives;
    this.#plan = { ...rollout.plan, gate: policy.gate, objectives };
    const opened = openGate(policy.gate, objectives, event.atMs, plannedMs(this.#plan));
    // What was known of stable is no matter of policy.
    const { beforeAfter } = rollout.gate;
    this.#gate = beforeAfter === undefined ? opened : { ...opened, beforeAfter };
  }

  /** Per second since the first weight was in force: what rules of other tools are computed from. */
  get seconds(): readonly RecordedSecond[] {
    return this.#seconds;
  }

  /** Of the candidate at its newest weight, by what both arms had in the rollout; null: too little to tell. */
  get requestsPerSecond(): number | null {
    if (this.#traffic === null) return null;
    const { requests, sinceMs, untilMs } = this.#traffic;
    if (untilMs <= sinceMs) return null;
    return ((1000 * requests) / (untilMs - sinceMs)) * (this.#weightPercent / 100);
  }

  /** When the first weight was in force; null: never. */
  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  /** One event of the recorded rollout, with the state it was decided from and what came of it. */
  take(before: ServiceState, event: ReleaseEvent, decision: Decision): void {
    const was = before.rollout;
    const is = decision.state.rollout;
    if (was === null || is === null || was.id !== is.id) return;
    if (event.kind === 'sample') this.#see(before, was, event);
    const isLooked = event.kind === 'sample' || event.kind === 'tick';
    if (isLooked && this.#rolledBack === null) this.#judge(was, is, event.atMs);
    if (this.#sinceMs === null && isInForce(is)) this.#sinceMs = event.atMs;
    if (decision.effects.some(({ kind }) => kind === 'set-traffic')) {
      this.#leave(was, is, event);
      this.#gate = closeBlock(this.#gate);
    }
  }

  outcome(recorded: { readonly kind: 'promoted' | Cause['kind'] } & DecidedAt): PolicyOutcome {
    if (this.#held !== null) {
      return { kind: 'holds', ...this.#held, laterRollBack: this.#rolledBack };
    }
    if (this.#rolledBack !== null) return { kind: 'rolled-back', ...this.#rolledBack };
    const { kind, ...decided } = recorded;
    if (kind === 'promoted') return { kind: 'promoted', ...decided };
    const isByGate = kind === 'gate-failed' || kind === 'bake-failed' || kind === 'time-limit';
    const isByHand = kind === 'aborted' || kind === 'deleted';
    if (!isByGate && !isByHand) return { kind: 'not-by-gate', ...decided };
    return { kind: 'unknown', ...decided, sentence: this.#last.sentence };
  }

  #see(before: ServiceState, was: Rollout, event: Extract<ReleaseEvent, { kind: 'sample' }>): void {
    const shadow = { ...before, rollout: { ...was, gate: this.#gate, plan: this.#plan } };
    this.#gate = seeSample(shadow, event.sample, event.atMs).rollout?.gate ?? this.#gate;
    this.#meter(was, event);
    if (this.#sinceMs === null) return;
    const second = Math.floor((event.atMs - this.#sinceMs) / 1000);
    const count = totalCount(event.sample, was.candidate.id);
    const known = this.#seconds.at(-1);
    if (known?.second !== second) {
      this.#seconds.push({ second, ...count });
      return;
    }
    this.#seconds[this.#seconds.length - 1] = {
      second,
      requests: known.requests + count.requests,
      failures: known.failures + count.failures,
    };
  }

  /** What comes in the first sample came in a time that nobody has measured. */
  #meter(was: Rollout, { sample }: Extract<ReleaseEvent, { kind: 'sample' }>): void {
    const { atMs } = sample;
    if (this.#traffic === null || sample.isCatchUp) {
      this.#traffic ??= { requests: 0, sinceMs: atMs, untilMs: atMs };
      return;
    }
    const own = totalCount(sample, was.candidate.id).requests;
    const other = was.stable === null ? 0 : totalCount(sample, was.stable.id).requests;
    const { requests, sinceMs } = this.#traffic;
    this.#traffic = { requests: requests + own + other, sinceMs, untilMs: atMs };
  }

  #judge(was: Rollout, is: Rollout, atMs: number): void {
    if (!isJudged(was)) return;
    const verdict = verdictAt({ ...was, gate: this.#gate, plan: this.#plan }, atMs);
    const { sentence } = verdict.explanation;
    this.#last = this.#at(is, atMs, sentence);
    const stepIndex = 'stepIndex' in was.phase ? was.phase.stepIndex : -1;
    this.#weightPercent = was.plan.steps.at(stepIndex)?.weightPercent ?? 100;
    if (verdict.kind === 'fail') this.#rolledBack = this.#last;
    const { phase } = was;
    if (verdict.kind === 'pass' && 'stepIndex' in phase) this.#passedStep = phase.stepIndex;
  }

  /** The recorded rollout leaves a step by its gate's word. Would this one have? */
  #leave(was: Rollout, is: Rollout, event: ReleaseEvent): void {
    const { phase } = was;
    const isForward = is.phase.kind === 'shifting';
    if (phase.kind !== 'judging' && phase.kind !== 'waiting') return;
    const step = was.plan.steps[phase.stepIndex];
    const isAsked = step?.gated === true && event.kind !== 'operate';
    if (!isForward || !isAsked || this.#passedStep === phase.stepIndex) return;
    if (this.#rolledBack !== null) return;
    this.#held ??= {
      ...this.#at(is, event.atMs, this.#last.sentence),
      weightPercent: step.weightPercent,
    };
  }

  #at({ totals }: Rollout, atMs: number, sentence: string): DecidedAt {
    const afterMs = this.#sinceMs === null ? 0 : Math.max(0, atMs - this.#sinceMs);
    return { afterMs, candidate: { ...totals.candidate }, sentence };
  }
}

function isInForce({ phase }: Rollout): boolean {
  return phase.kind === 'judging' || phase.kind === 'baking' || phase.kind === 'promoted';
}

/** Where the decider asks its gate. */
function isJudged({ phase }: Rollout): boolean {
  return ['shifting', 'judging', 'waiting', 'parked', 'baking'].includes(phase.kind);
}
