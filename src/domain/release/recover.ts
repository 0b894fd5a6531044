import type { Effect } from './effect.ts';
import { wantedInstances } from './instance-counts.ts';
import { order, stableTraffic, unchanged } from './order.ts';
import { activeRestart, restartAnew, restartEffect } from './restart.ts';
import { awaitedStop, isIncoming, rolledCount } from './strategies/rolling-arms.ts';
import { describeService } from './wording/sentence.ts';
import {
  activeRollout,
  type Decision,
  type Rollout,
  type ServiceState,
  stableOf,
} from './service-state.ts';
import { orderedChecks, standbyAnew } from './strategies/standby.ts';
import { listenAnew } from './seeing/telemetry-watch.ts';

/**
 * The loop is back after a stop or a crash. Whatever was ordered last may or may not have been done, so everything
 * that should be so now is ordered again; effects name wanted states, so what was done already changes nothing.
 */
export function recover(state: ServiceState, atMs: number): Decision {
  if (state.spec === null) return unchanged(state);
  const rollout = activeRollout(state);
  const anew = restartAnew(state, atMs);
  const resumed = rollout === null ? anew : { ...anew, rollout: resume(rollout, atMs) };
  const where =
    rollout === null
      ? 'no rollout was under way'
      : `${rollout.id} goes on: ${describeService(resumed, atMs)}`;
  return order(resumed, {
    atMs,
    type: 'deploy-outcome',
    decision: 'recover',
    sentence: `the control loop is back: ${where}`,
    effects: (key) => wantedEffects(state, key),
  });
}

/** Time that nobody watched is no waiting: a start and a bake get their whole time again. */
function resume(rollout: Rollout, atMs: number): Rollout {
  const { needs: _needs, ...known } = rollout;
  const { phase, plan, unreadySinceMs } = rollout;
  const seen: Rollout = {
    ...listenAnew(known, atMs),
    unreadySinceMs: unreadySinceMs === null ? null : atMs,
    ...replacingAnew(rollout, atMs),
    ...standbyAnew(rollout, atMs),
  };
  if (phase.kind === 'starting') return { ...seen, phase: { ...phase, sinceMs: atMs } };
  if (phase.kind === 'rolling') return { ...seen, phase: { ...phase, movedAtMs: atMs } };
  if (phase.kind !== 'baking') return seen;
  return { ...seen, phase: { ...phase, untilMs: atMs + plan.bakeMs } };
}

function replacingAnew({ replacement }: Rollout, atMs: number): Pick<Rollout, 'replacement'> {
  if (replacement === undefined || replacement.phase === 'ready') return {};
  return { replacement: { ...replacement, atMs } };
}

function wantedEffects(state: ServiceState, key: string): readonly Effect[] {
  const rollout = activeRollout(state);
  const stable = state.isDeleted ? null : stableOf(state);
  const runs = [stable, rollout?.candidate ?? null].filter((each) => each !== null);
  const ensures = runs.flatMap((revision): Effect | readonly Effect[] => {
    if (rollout !== null && rolledCount(rollout, revision.id) === 0) {
      // Who comes next has its share already, and nobody there yet.
      if (isIncoming(rollout, revision.id)) return [];
      const stopKey = awaitedStop(rollout, revision.id) ?? `${key}/stop/${revision.id}`;
      return { kind: 'stop-instances', key: stopKey, revision };
    }
    const replacement = rollout?.candidate.id === revision.id ? rollout.replacement : undefined;
    if (replacement?.phase === 'ordered') {
      const { effectKey, instanceId } = replacement;
      const count = wantedInstances(state, revision);
      return { kind: 'replace-instance', key: effectKey, revision, count, instanceId };
    }
    const restart = activeRestart(state);
    if (restart?.revision.id === revision.id) {
      return restartEffect(restart, `${key}/run/${revision.id}`);
    }
    return {
      kind: 'ensure-instances',
      key: `${key}/run/${revision.id}`,
      revision,
      count: wantedInstances(state, revision),
    };
  });
  const stops = leftovers(state, rollout).map((revision): Effect => {
    return { kind: 'stop-instances', key: `${key}/stop/${revision.id}`, revision };
  });
  const checks = rollout === null ? [] : orderedChecks(state, rollout);
  return [...ensures, wantedTraffic(state, rollout, key), ...checks, ...stops];
}

/** The order that a shifting or reverting phase waits for keeps its key, so that its outcome is recognised. */
function wantedTraffic(state: ServiceState, rollout: Rollout | null, key: string): Effect {
  const waitedFor =
    rollout !== null && 'effectKey' in rollout.phase ? rollout.phase.effectKey : null;
  return {
    kind: 'set-traffic',
    key: waitedFor ?? `${key}/route`,
    traffic: state.traffic ?? stableTraffic(state),
  };
}

/** Revisions that should not run: ended candidates and earlier stables. Stopping what isn't there is free. */
function leftovers(state: ServiceState, active: Rollout | null): ServiceState['stables'] {
  const wanted = new Set<string>();
  if (active !== null) wanted.add(active.candidate.id);
  const stable = state.isDeleted ? null : stableOf(state);
  if (stable !== null) wanted.add(stable.id);
  const known = new Map([...state.stables, ...state.retired].map((each) => [each.id, each]));
  if (state.rollout !== null) known.set(state.rollout.candidate.id, state.rollout.candidate);
  return [...known.values()].filter((each) => !wanted.has(each.id));
}
