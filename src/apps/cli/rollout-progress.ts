import type { RolloutSummary, Service } from '../../api/client/generated/schemas.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

/** Where a rollout stands, as far as waiting for it goes. */
export type Progress =
  | { readonly kind: 'under-way'; readonly key: string; readonly sentence: string }
  | { readonly kind: 'over'; readonly exitCode: ExitCode; readonly sentence: string };

/**
 * `rolloutId` null: the newest one. A rollout that another one has taken the place of is found in the history;
 * null: the service must be asked for its history to know.
 */
export function progressOf(
  service: Service,
  rolloutId: string | null,
  history: readonly RolloutSummary[] | null,
): Progress | null {
  const { rollout } = service.status;
  const wanted = rolloutId ?? rollout?.id ?? null;
  if (wanted !== null && rollout?.id !== wanted) {
    if (history === null) return null;
    const past = history.find((each) => each.id === wanted);
    if (past !== undefined) return endOf(past.outcome, past.cause?.sentence ?? past.outcome);
  }
  return progressOfNewest(service);
}

function progressOfNewest({ status }: Service): Progress {
  const { rollout, phase, sentence } = status;
  if (rollout?.phase === 'promoted' || rollout?.phase === 'rolled-back') {
    return endOf(rollout.phase, sentence);
  }
  if (rollout === null && phase === 'Stable') return endOf('promoted', sentence);
  if (rollout === null && phase === 'RolledBack') return endOf('rolled-back', sentence);
  if (rollout?.isWaitingForPerson === true || phase === 'Paused' || phase === 'Waiting') {
    return { kind: 'over', exitCode: exitCodes.waitingForPerson, sentence };
  }
  return { kind: 'under-way', key: changeKey(status), sentence };
}

function endOf(outcome: 'promoted' | 'rolled-back', sentence: string): Progress {
  const exitCode = outcome === 'promoted' ? exitCodes.ok : exitCodes.error;
  return { kind: 'over', exitCode, sentence };
}

/** Changes when something happened; not when only counts in the sentence grew. */
export function changeKey(status: Service['status']): string {
  const { rollout, phase, stable, traffic, instances } = status;
  return JSON.stringify([
    phase,
    stable?.id,
    traffic,
    instances.map(({ id, state, restarts }) => [id, state, restarts]),
    rollout && [rollout.id, rollout.phase, rollout.stepNumber, rollout.isPaused],
    rollout?.gate?.verdict,
    rollout?.gate?.heldBy,
    rollout?.alert?.since,
  ]);
}
