import type { RolloutResource } from '../../../api/rollout-wire.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { strategyText } from '../../../domain/release/strategies/blue-green.ts';
import { gateWords, objectiveWords } from './plan-words.ts';
import { resourceMetadata } from './resource-metadata.ts';
import { rolloutConditions } from './rollout-conditions.ts';
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
