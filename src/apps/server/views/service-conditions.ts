import type { Condition } from '../../../api/metadata-wire.ts';
import {
  activeRollout,
  type ServiceState,
  stableOf,
} from '../../../domain/release/service-state.ts';
import { describeService } from '../../../domain/release/wording/sentence.ts';
import { rolloutConditions } from './rollout-conditions.ts';

export function serviceConditions(state: ServiceState, atMs: number): Condition[] {
  const rollout = activeRollout(state);
  const ofRollout = state.rollout === null ? [] : rolloutConditions(state, state.rollout, atMs);
  const idle: Condition = {
    type: 'Progressing',
    status: 'False',
    reason: 'NoRollout',
    message: '',
    lastTransitionTime: null,
  };
  const progressing = ofRollout.find(({ type }) => type === 'Progressing');
  return [
    available(state, atMs),
    rollout === null
      ? { ...idle, reason: progressing?.reason ?? idle.reason }
      : (progressing ?? idle),
    ...ofRollout.filter(({ type }) => type === 'Healthy'),
  ];
}

/** Since when is not kept. */
function available(state: ServiceState, atMs: number): Condition {
  const stable = stableOf(state);
  const seen = state.instances.find(({ revisionId }) => revisionId === stable?.id);
  const { ready = 0, total = 0 } = seen ?? {};
  const is = { type: 'Available', lastTransitionTime: null };
  if (stable === null) {
    const message = describeService(state, atMs);
    return { ...is, status: 'False', reason: 'NoStableRevision', message };
  }
  const message = `${ready} of ${total} instances of ${stable.id} are ready`;
  if (ready > 0) return { ...is, status: 'True', reason: 'InstancesReady', message };
  const isAsleep = state.counts?.some(
    ({ revisionId, asleepSinceMs }) => revisionId === stable.id && asleepSinceMs !== undefined,
  );
  if (isAsleep === true) {
    return {
      ...is,
      status: 'True',
      reason: 'Asleep',
      message: 'the next request starts an instance',
    };
  }
  return { ...is, status: 'False', reason: 'NoInstanceReady', message };
}
