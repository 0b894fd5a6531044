import type { FlagEvaluation, FlagView } from '../../../api/flags-wire.ts';
import { evaluateFlag, type FlagContext } from '../../../domain/flags/evaluate-flag.ts';
import {
  type Flag,
  type FlagRule,
  flagTypeOf,
  type RevisionFlags,
  variantInForce,
} from '../../../domain/flags/flag.ts';
import {
  activeRollout,
  type ServiceState,
  stableOf,
} from '../../../domain/release/service-state.ts';

/** The flags of a service by the traffic that was ordered last: stable's, and the candidate's while a rollout is under way. */
export function flagViews(state: ServiceState): readonly FlagView[] {
  return seenNow(state).flatMap(({ role, ...seen }) =>
    seen.flags.map((flag): FlagView => {
      const turn = seen.turns.find((each) => each.flag === flag.key);
      const variant = variantInForce(flag, seen.turns);
      const { key, environment } = flag;
      return {
        key,
        service: state.name,
        revisionId: seen.revisionId,
        role,
        type: flagTypeOf(flag) ?? 'object',
        state: flag.state,
        variant,
        value: mutable(flag.variants[variant] ?? null),
        variants: Object.keys(flag.variants),
        rules: flag.targeting.map(ruleWords),
        ...(environment === undefined ? {} : { environment }),
        ...(turn === undefined
          ? {}
          : { turnedBy: { rolloutId: turn.rolloutId, stepNumber: turn.stepNumber } }),
        sentence: sentenceOf(flag, variant, seen),
      };
    }),
  );
}

/** What each revision's instances would be told. `key` null: of all flags that some revision has. */
export function flagEvaluations(
  state: ServiceState,
  context: FlagContext,
  wanted: string | null,
): readonly FlagEvaluation[] {
  return seenNow(state).flatMap(({ role, revisionId, flags, turns }) => {
    const keys = wanted === null ? flags.map(({ key }) => key) : [wanted];
    return keys.map((key): FlagEvaluation => {
      const flag = flags.find((each) => each.key === key);
      const answer = evaluateFlag(flag, context, { service: state.name, turns });
      const who = { key, revisionId, role };
      if (answer.kind === 'refused') {
        const { code: errorCode, details } = answer;
        return { ...who, variant: null, value: null, reason: 'ERROR', errorCode, details };
      }
      const { variant, value, reason, turn } = answer;
      const details = turn === null ? '' : `turned by ${turn.rolloutId} at step ${turn.stepNumber}`;
      return { ...who, variant, value: mutable(value), reason, errorCode: null, details };
    });
  });
}

type Seen = RevisionFlags & { readonly role: FlagView['role'] };

/** A candidate that went back is on its way out: nobody asks what it sees. */
function seenNow(state: ServiceState): readonly Seen[] {
  const stable = stableOf(state)?.id;
  const candidate = activeRollout(state)?.candidate.id;
  return (state.traffic?.flags ?? []).flatMap((each): readonly Seen[] => {
    if (each.revisionId === stable) return [{ ...each, role: 'stable' }];
    return each.revisionId === candidate ? [{ ...each, role: 'candidate' }] : [];
  });
}

function sentenceOf(flag: Flag, variant: string, { turns }: RevisionFlags): string {
  if (flag.state === 'DISABLED') {
    return `disabled${ofEnvironment(flag)}: who asks uses the default in the own code`;
  }
  const turn = turns.find((each) => each.flag === flag.key);
  const others = flag.targeting.length === 0 ? '' : ' where no rule says otherwise';
  if (turn !== undefined) {
    return `${variant}${others}, turned by ${turn.rolloutId} at step ${turn.stepNumber}; ${flag.defaultVariant} by default`;
  }
  return `${variant}${others}, by default${ofEnvironment(flag)}`;
}

function ofEnvironment({ environment }: Flag): string {
  return environment === undefined ? '' : ` of ${environment}`;
}

/** `country is de or at, plan is pro: on`; `everybody: on 20 %, off 80 %`. */
function ruleWords({ when, serve }: FlagRule): string {
  const conditions = when.map(({ attribute, values }) => {
    return `${attribute} is ${values.map((value) => JSON.stringify(value)).join(' or ')}`;
  });
  const who = conditions.join(', ') || 'everybody';
  if (serve.kind === 'variant') return `${who}: ${serve.variant}`;
  return `${who}: ${serve.shares.map((each) => `${each.variant} ${each.percent} %`).join(', ')}`;
}

/** A copy that the API's shape may be filled with. */
function mutable(value: unknown): FlagView['value'] {
  return structuredClone(value);
}
