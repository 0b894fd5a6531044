import { previewHost } from '../../traffic/routing/preview.ts';
import { percentText, secondsText } from '../wording/amount-text.ts';
import type { Plan } from '../revision.ts';
import { rolledText } from './rolling-arms.ts';
import type { Rollout, ServiceState } from '../service-state.ts';
import type { BlueGreen } from './strategy.ts';

/** How often checks are ordered that could not be made. */
export const attemptsMax = 3;

/** Null: this rollout goes by steps alone, as a first one and an undo do. */
export function blueGreenOf({ kind, plan }: Pick<Rollout, 'kind' | 'plan'>): BlueGreen | null {
  return kind === 'blue-green' && plan.strategy?.kind === 'blue-green' ? plan.strategy : null;
}

/** How many instances the candidate should have now. */
export function candidateCount(rollout: Rollout): number {
  const { candidate, standby, phase } = rollout;
  const blueGreen = blueGreenOf(rollout);
  const isStandby = phase.kind === 'starting' || ('stepIndex' in phase && phase.stepIndex === 0);
  if (blueGreen === null || !isStandby || standby?.phase === 'passed') return candidate.instances;
  return Math.min(blueGreen.standbyInstances, candidate.instances);
}

/** Whether it stands by, its preview address being in force. */
export function isAtStandby({ phase }: Rollout): boolean {
  const isThere = phase.kind === 'judging' || phase.kind === 'waiting';
  return isThere && phase.stepIndex === 0;
}

/** Whose preview address a table has: the standby's while it has no share. */
export function previewOf(
  rollout: Rollout,
  weightPercent: number,
): { readonly previewRevisionId?: string } {
  if (blueGreenOf(rollout) === null || weightPercent > 0) return {};
  return { previewRevisionId: rollout.candidate.id };
}

/** `blue-green: 1 instance stands by, warmed, checked by home, under load -> 100 %`. */
export function strategyText({ strategy }: Plan): string | null {
  if (strategy === undefined) return null;
  if (strategy.kind !== 'blue-green') return rolledText(strategy);
  const { standbyInstances, warmUp, checks, load } = strategy;
  const count =
    standbyInstances === 1 ? '1 instance stands' : `${standbyInstances} instances stand`;
  const names = checks.map(({ name }) => name).join(', ');
  return [
    `blue-green: ${count} by`,
    ...(warmUp === null ? [] : ['warmed']),
    ...(names === '' ? [] : [`checked by ${names}`]),
    ...(load === null
      ? []
      : [`under ${load.requestsPerSecond} requests/s for ${secondsText(load.durationMs)}`]),
  ].join(', ');
}

/** Where a rollout of this strategy is, for people; null: its steps say it. */
export function standbyText(state: ServiceState, rollout: Rollout, atMs: number): string | null {
  if (blueGreenOf(rollout) === null || !isAtStandby(rollout)) return null;
  const { standby } = rollout;
  const where = `standing by on ${previewHost(state.spec?.host ?? state.name)}`;
  if (standby === undefined) return where;
  const forText = secondsText(atMs - standby.sinceMs);
  if (standby.phase === 'passed') return `${where}: ${standby.sentence}`;
  const attempt = standby.attempt === 1 ? '' : `, attempt ${standby.attempt} of ${attemptsMax}`;
  return `${where}: being checked for ${forText}${attempt}`;
}

/** `0 %` of a standby reads as if it had failed. */
export function stepShareText(rollout: Rollout, stepIndex: number): string {
  const weight = percentText(rollout.plan.steps[stepIndex]?.weightPercent ?? 100);
  return blueGreenOf(rollout) !== null && stepIndex === 0 ? `standing by at ${weight}` : weight;
}
