import type { RolloutView, ServiceView } from '../../../../api/wire.ts';
import type { ActionPreview } from '../../../../api/rollout-wire.ts';

type Phase = ServiceView['status']['phase'];
export type RolloutAction = ActionPreview['action'];

export interface ActionWords {
  readonly action: RolloutAction;
  readonly says: string;
  /** Pressed on a row or a rollout's page. */
  readonly key: string;
  /** What it is for, in the help. */
  readonly help: string;
}

export const actionWords: readonly ActionWords[] = [
  { action: 'promote', says: 'Promote', key: 'p', help: 'Promote: on to the next step' },
  { action: 'promote-full', says: 'Promote fully', key: 'P', help: 'Promote to 100 % at once' },
  { action: 'pause', says: 'Pause', key: 's', help: 'Stay at this weight' },
  { action: 'resume', says: 'Resume', key: 'c', help: 'Go on after a pause' },
  { action: 'abort', says: 'Abort', key: 'a', help: 'Abort: all traffic back to stable' },
  { action: 'retry', says: 'Retry', key: 't', help: 'Roll the last revision out once more' },
  { action: 'undo', says: 'Undo', key: 'u', help: 'Back to an earlier revision' },
];

/** As much of a rollout as a row of a table knows. */
export interface ActionSubject {
  readonly phase: 'over' | 'rolled-back' | 'under-way';
  readonly isPaused: boolean;
}

export function subjectOf({
  phase,
  isPaused,
}: Pick<RolloutView, 'phase' | 'isPaused'>): ActionSubject {
  if (phase === 'promoted') return { phase: 'over', isPaused };
  if (phase === 'rolled-back') return { phase: 'rolled-back', isPaused };
  return { phase: 'under-way', isPaused };
}

export function subjectOfPhase(phase: Phase): ActionSubject {
  if (phase === 'Stable') return { phase: 'over', isPaused: false };
  if (phase === 'RolledBack') return { phase: 'rolled-back', isPaused: false };
  return { phase: 'under-way', isPaused: phase === 'Paused' };
}

/** Those that make sense now, the likeliest first; what comes of each, the server's preview says. */
export function offeredActions({ phase, isPaused }: ActionSubject): readonly RolloutAction[] {
  switch (phase) {
    case 'under-way':
      return ['promote', isPaused ? 'resume' : 'pause', 'abort', 'promote-full'];
    case 'rolled-back':
      return ['retry', 'undo'];
    case 'over':
      return ['undo'];
  }
}

/** Why somebody may not do it; null: they may. `allowed`: actions by the words of the access policies; null: not known yet. */
export function refusalOf(
  action: RolloutAction,
  who: { readonly name: string; readonly roles: readonly string[] } | null,
  allowed: readonly string[] | null,
): string | null {
  if (who === null || allowed === null || allowed.includes(`rollouts:${action}`)) return null;
  const roles = who.roles.length === 0 ? 'no role' : who.roles.join(', ');
  return `${who.name} (${roles}) may not ${action} here: the access policies permit it to other roles`;
}
