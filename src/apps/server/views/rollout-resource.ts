import type { Condition } from '../../../api/metadata-wire.ts';
import type { RolloutResource } from '../../../api/rollout-wire.ts';
import { alertOf, describeService } from '../../../domain/release/wording/sentence.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { strategyText } from '../../../domain/release/strategies/blue-green.ts';
import { gateWords, objectiveWords } from './plan-words.ts';
import { resourceMetadata } from './resource-metadata.ts';
import { timeText } from './time-text.ts';
import { rolloutView } from './views.ts';

/** The rollout of `state`, whether it is the newest one or `state` is what the ledger kept of an older one. */
export function rolloutResource(
  state: ServiceState,
  rollout: Rollout,
  atMs: number,
): RolloutResource {
  const { plan } = rollout;
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Rollout',
    metadata: {
      ...resourceMetadata('Rollout', rollout.id, state),
      generation: 1,
      creationTimestamp: timeText(rollout.startedAtMs),
    },
    spec: {
      service: state.name,
      strategy: strategyText(plan) ?? 'canary',
      stepWeightsPercent: plan.steps.map((step) => step.weightPercent),
      bakeMs: plan.bakeMs,
      gate: gateWords(plan.gate),
      objectives: plan.objectives.map(objectiveWords),
      startedBy: { ...rollout.startedBy },
    },
    status: {
      observedGeneration: 1,
      conditions: rolloutConditions(state, rollout, atMs),
      rollout: rolloutView(state, rollout, atMs),
    },
  };
}

export function rolloutConditions(
  state: ServiceState,
  rollout: Rollout,
  atMs: number,
): Condition[] {
  const { phase, paused } = rollout;
  const since = timeText('sinceMs' in phase ? phase.sinceMs : phase.atMs);
  const isOver = phase.kind === 'promoted' || phase.kind === 'rolled-back';
  const reason = wordOf(phase.kind);
  const message = describeService(state, atMs);
  return [
    {
      type: 'Progressing',
      status: isOver || paused !== null ? 'False' : 'True',
      reason,
      message,
      lastTransitionTime: since,
    },
    {
      type: 'Paused',
      status: paused === null ? 'False' : 'True',
      reason: paused === null ? 'NotPaused' : 'PausedByHand',
      message: paused === null ? '' : `paused by ${paused.by.who}`,
      lastTransitionTime: paused === null ? null : timeText(paused.atMs),
    },
    { type: 'Healthy', ...health(rollout), lastTransitionTime: since },
    {
      type: 'Completed',
      status: phase.kind === 'promoted' ? 'True' : 'False',
      reason,
      message: isOver ? message : '',
      lastTransitionTime: isOver ? since : null,
    },
  ];
}

function health(rollout: Rollout): Pick<Condition, 'status' | 'reason' | 'message'> {
  const { phase, lastVerdict } = rollout;
  switch (phase.kind) {
    case 'rolled-back':
    case 'reverting':
      return { status: 'False', reason: wordOf(phase.cause.kind), message: phase.cause.sentence };
    case 'promoted':
      return { status: 'True', reason: 'Promoted', message: '' };
    case 'parked':
    case 'starting':
    case 'rolling':
    case 'shifting':
    case 'judging':
    case 'waiting':
    case 'baking':
      break;
  }
  const alert = alertOf(rollout);
  const sentence = lastVerdict?.explanation.sentence ?? 'nothing was judged yet';
  if (phase.kind === 'parked') return { status: 'False', reason: 'Parked', message: sentence };
  if (alert !== null) return { status: 'Unknown', reason: 'Alert', message: alert.sentence };
  if (lastVerdict === null || lastVerdict.kind === 'undecided') {
    return { status: 'Unknown', reason: 'NotEnoughData', message: sentence };
  }
  const isGood = lastVerdict.kind === 'pass';
  return {
    status: isGood ? 'True' : 'False',
    reason: isGood ? 'GatePasses' : 'GateFails',
    message: sentence,
  };
}

/** `rolled-back` is `RolledBack`. */
function wordOf(kind: string): string {
  return kind
    .split('-')
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`)
    .join('');
}
