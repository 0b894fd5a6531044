import type { FlagTurn, RevisionFlags } from '../flags/flag.ts';
import { variantInForce } from '../flags/flag.ts';
import type { Revision, Step } from './revision.ts';
import { activeRollout, type Rollout, type ServiceState, stableOf } from './service-state.ts';

/**
 * Flags that steps of a rollout turn.
 *
 * - T1. A turn is part of the traffic that a step orders, so weight and flags come into force in one table, before anything that
 *   follows is evidence, and leave it in one.
 * - T2. Only the candidate's instances see it: they alone are compared with those that do not. At 100 % it is everybody.
 * - T3. What goes back, goes back to the flags it had: a stable revision keeps the turns it was promoted with, also for an undo.
 */

/** Turns that a revision was promoted with. */
export interface KeptTurns {
  readonly revisionId: string;
  readonly turns: readonly FlagTurn[];
}

/** Of the candidate while the rollout is at this step; null: at none. */
export function candidateTurns(
  state: ServiceState,
  rollout: Rollout,
  stepIndex: number | null,
): readonly FlagTurn[] {
  const before = rollout.kind === 'undo' ? keptTurns(state, rollout.candidate) : [];
  const turns = new Map(before.map((turn) => [turn.flag, turn]));
  const steps = stepIndex === null ? [] : rollout.plan.steps.slice(0, stepIndex + 1);
  for (const [index, { flags = [] }] of steps.entries()) {
    for (const { flag, variant } of flags) {
      turns.set(flag, { flag, variant, rolloutId: rollout.id, stepNumber: index + 1 });
    }
  }
  const { flags = [] } = rollout.candidate;
  return [...turns.values()].filter((turn) => flags.some(({ key }) => key === turn.flag));
}

/** Part of a service's traffic: what the instances of each revision see while the rollout is at this step; null: at none. */
export function flagsAt(
  state: ServiceState,
  stepIndex: number | null,
): { readonly flags?: readonly RevisionFlags[] } {
  const rollout = activeRollout(state);
  const stable = stableOf(state);
  const ofStable = stable === null ? [] : flagsOf(stable, keptTurns(state, stable));
  const ofCandidate =
    rollout === null || rollout.candidate.id === stable?.id
      ? []
      : flagsOf(rollout.candidate, candidateTurns(state, rollout, stepIndex));
  const flags = [...ofStable, ...ofCandidate];
  return flags.length === 0 ? {} : { flags };
}

/** The kept turns when the candidate is stable; absent: no stable revision has any. */
export function keptWith(
  state: ServiceState,
  rollout: Rollout,
  stables: readonly Revision[],
): Pick<ServiceState, 'keptTurns'> {
  const turns = candidateTurns(state, rollout, rollout.plan.steps.length - 1);
  const others = (state.keptTurns ?? []).filter(
    ({ revisionId }) =>
      revisionId !== rollout.candidate.id && stables.some(({ id }) => id === revisionId),
  );
  if (turns.length > 0) {
    return { keptTurns: [...others, { revisionId: rollout.candidate.id, turns }] };
  }
  return state.keptTurns === undefined ? {} : { keptTurns: others };
}

/** A first rollout has one step, and ends with the flags that all of them would have ended with. */
export function allFlags(steps: readonly Step[]): Pick<Step, 'flags'> {
  const last = new Map(
    steps.flatMap(({ flags = [] }) => flags).map((each) => [each.flag, each.variant]),
  );
  if (last.size === 0) return {};
  return { flags: [...last].map(([flag, variant]) => ({ flag, variant })) };
}

/** `; turning new-checkout to on`; empty: the step turns none. */
export function turnedText({ flags = [] }: Pick<Step, 'flags'>): string {
  if (flags.length === 0) return '';
  return `; turning ${flags.map(({ flag, variant }) => `${flag} to ${variant}`).join(', ')}`;
}

/** `, turning new-checkout back to off`; empty: the rollout has turned none. */
export function turnedBackText(state: ServiceState, { candidate, id }: Rollout): string {
  const seen = state.traffic?.flags?.find(({ revisionId }) => revisionId === candidate.id);
  const turned = seen?.turns.filter(({ rolloutId }) => rolloutId === id) ?? [];
  const back = turned.flatMap((turn) => {
    const flag = seen?.flags.find(({ key }) => key === turn.flag);
    return flag === undefined ? [] : [`${flag.key} back to ${variantInForce(flag, [])}`];
  });
  return back.length === 0 ? '' : `, turning ${back.join(', ')}`;
}

function keptTurns(state: ServiceState, { id }: Revision): readonly FlagTurn[] {
  return state.keptTurns?.find(({ revisionId }) => revisionId === id)?.turns ?? [];
}

function flagsOf({ id, flags }: Revision, turns: readonly FlagTurn[]): readonly RevisionFlags[] {
  return flags === undefined ? [] : [{ revisionId: id, flags, turns }];
}
