import { type ApprovalPolicy, approvalPolicySha256 } from './approval/approval.ts';
import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { readArray, readCount, readObject, readSha256, readText } from './read-json.ts';

/**
 * What has to follow the entry that begins a rollout, said by that entry: so that what is missing later can be shown from the ledger
 * alone. In the order in which it has to come; `step` counts from 1.
 */
export interface EvidencePlan {
  readonly must: readonly Duty[];
  /** Who was to cosign before a promotion's traffic, when the rollout began. Shown, and not to be checked from entries. */
  readonly witnesses: { readonly mode: WitnessMode; readonly quorum: string };
}

export type WitnessMode = 'require' | 'warn' | 'off';

export type Duty =
  /** The router has confirmed the share of the step. */
  | { readonly what: 'in-force'; readonly step: number; readonly weightPercent: number }
  /** The entry that leaves the step forward has a verdict that passes. A person's word, or the plan's time limit, stands in for it. */
  | { readonly what: 'gate-passed'; readonly step: number }
  /** Before that entry there is the quorum of this policy; only an override, an entry of its own type, goes past it. */
  | { readonly what: 'approvals'; readonly step: number; readonly policySha256: string }
  /** From 100 % in force to the end of the rollout, at least; a person may end it earlier. */
  | { readonly what: 'bake'; readonly durationMs: number }
  /** The candidate is stable, or nothing is sent to it any more. */
  | { readonly what: 'outcome' };

/** What a plan of steps owes, as the entry says it. */
export function dutiesOf(plan: {
  readonly steps: readonly {
    readonly weightPercent: number;
    readonly gated: boolean;
    readonly wait: { readonly kind: string; readonly policy?: ApprovalPolicy };
  }[];
  readonly bakeMs: number;
}): readonly Duty[] {
  const ofSteps = plan.steps.flatMap(({ weightPercent, gated, wait }, at): Duty[] => {
    const step = at + 1;
    const { policy } = wait;
    return [
      { what: 'in-force', step, weightPercent },
      ...(gated ? [{ what: 'gate-passed', step } as const] : []),
      ...(policy === undefined
        ? []
        : [{ what: 'approvals', step, policySha256: approvalPolicySha256(policy) } as const]),
    ];
  });
  const bake: Duty[] = plan.bakeMs === 0 ? [] : [{ what: 'bake', durationMs: plan.bakeMs }];
  return [...ofSteps, ...bake, { what: 'outcome' }];
}

export function evidencePlanJson({ must, witnesses }: EvidencePlan): JsonObject {
  return { must: must.map((duty) => ({ ...duty })), witnesses: { ...witnesses } };
}

/** Throws an EvidenceError. */
export function readEvidencePlan(value: JsonValue): EvidencePlan {
  const plan = readObject(value, ['must', 'witnesses'], 'the evidence plan');
  const witnesses = readObject(plan['witnesses'], ['mode', 'quorum'], 'witnesses');
  const mode = readText(witnesses['mode'], 'mode');
  if (mode !== 'require' && mode !== 'warn' && mode !== 'off') {
    throw new EvidenceError('the mode of witnesses is not require, warn or off');
  }
  const must = readArray(plan['must'], 'must').map(readDuty);
  return { must, witnesses: { mode, quorum: readText(witnesses['quorum'], 'quorum') } };
}

function readDuty(value: JsonValue): Duty {
  const what =
    typeof value === 'object' && value !== null && 'what' in value ? value['what'] : null;
  const fields = (...keys: readonly string[]) => readObject(value, ['what', ...keys], 'a duty');
  if (what === 'in-force') {
    const duty = fields('step', 'weightPercent');
    const { weightPercent } = duty;
    if (typeof weightPercent !== 'number') throw new EvidenceError('a weight is not a number');
    return { what, step: readCount(duty['step'], 'step'), weightPercent };
  }
  if (what === 'gate-passed') return { what, step: readCount(fields('step')['step'], 'step') };
  if (what === 'approvals') {
    const duty = fields('step', 'policySha256');
    const policySha256 = readSha256(duty['policySha256'], 'policySha256');
    return { what, step: readCount(duty['step'], 'step'), policySha256 };
  }
  if (what === 'bake') {
    return { what, durationMs: readCount(fields('durationMs')['durationMs'], 'durationMs') };
  }
  if (what !== 'outcome') throw new EvidenceError('a duty is of an unknown kind');
  fields();
  return { what };
}
