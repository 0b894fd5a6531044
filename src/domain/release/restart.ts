/**
 * A restart of stable's instances by hand: each is replaced by a new one of the same revision, one at a time.
 *
 * T1  An instance is stopped only while as many others as are wanted are ready: the new one comes before the old one goes, so
 *     no budget of disruption is touched.
 * T2  Which instances go is fixed when it begins; their names are never given again, so doing a step twice changes nothing.
 * T3  A new instance that does not become ready in its time ends the restart; the old ones that are left stay.
 * T4  The number of instances does not follow the load meanwhile: it did before, and does after.
 * T5  A rollout, or a deletion, ends it: what people release is more urgent.
 */
import { countText, secondsText } from './wording/amount-text.ts';
import type { Effect } from './effect.ts';
import type { Hand, ReleaseEvent } from './event.ts';
import { wantedInstances } from './instance-counts.ts';
import { nextKey, order } from './order.ts';
import type { Revision } from './revision.ts';
import { handText, nameOf } from './wording/sentence.ts';
import { type Decision, type Restart, type ServiceState, stableOf } from './service-state.ts';

/** On top of the start timeout: the platform's own start and the first probe. */
const startSlackMs = 5_000;

/** The restart while it is under way, else null. */
export function activeRestart({ restart }: ServiceState): Restart | null {
  if (restart === undefined) return null;
  const { kind } = restart.phase;
  return kind === 'waiting' || kind === 'stopping' ? restart : null;
}

/** The caller has made sure that no rollout is under way. A text says why not. */
export function beginRestart(
  state: ServiceState,
  wish: { readonly instanceIds: readonly string[]; readonly by: Hand; readonly atMs: number },
): Decision | string {
  const { instanceIds: left, by, atMs } = wish;
  const revision = stableOf(state);
  const running = activeRestart(state);
  if (running !== null) {
    return `a restart is under way since ${secondsText(atMs - running.startedAtMs)}; "tidegate rollout abort ${state.name}" ends it`;
  }
  if (revision === null || left.length === 0) return `${state.name} has no instance to restart`;
  const restart: Restart = {
    id: nextKey(state),
    revision,
    count: wantedInstances(state, revision),
    left,
    done: [],
    by,
    startedAtMs: atMs,
    phase: { kind: 'waiting', sinceMs: atMs },
  };
  return order(
    { ...state, restart },
    {
      atMs,
      type: 'operator-action',
      decision: 'restart',
      by,
      sentence: `restarting ${instancesText(left.length)} of ${nameOf(revision)} one at a time: by ${handText(by)}`,
      effects: () => [restartEffect(restart, `${restart.id}/run`)],
    },
  );
}

/** What a restart wants of the platform now. */
export function restartEffect(restart: Restart, key: string): Effect {
  const { revision, count, left, phase } = restart;
  if (phase.kind === 'waiting') {
    return { kind: 'ensure-instances', key, revision, count: count + 1 };
  }
  if (phase.kind !== 'stopping') return { kind: 'ensure-instances', key, revision, count };
  // The last one is not followed by another.
  const present = left.length > 1 ? count + 1 : count;
  const { effectKey, instanceId } = phase;
  const order = { key: effectKey, revision, count: present, wanted: count, instanceId };
  return { kind: 'replace-instance', ...order };
}

/** Stops the next instance when the others are enough, or gives up; null: there is nothing to do about a restart now. */
export function followRestart(state: ServiceState, atMs: number): Decision | null {
  const restart = activeRestart(state);
  if (restart === null || restart.phase.kind !== 'waiting') return null;
  const { left, done, revision, count, phase } = restart;
  const [instanceId = ''] = left;
  const seen = state.instances.find(({ revisionId }) => revisionId === revision.id);
  const others = (seen?.readyIds ?? []).filter((id) => id !== instanceId && !done.includes(id));
  if (others.length >= count) return stopNext(state, restart, { instanceId, atMs });
  const waitedMs = atMs - phase.sinceMs;
  if (waitedMs <= revision.health.startTimeoutMs + startSlackMs) return null;
  const why = seen?.reason ?? 'the platform shows no instance';
  const because = `${others.length} of ${count} others were ready after ${secondsText(waitedMs)}: ${why}`;
  return endRestart(state, restart, { because, atMs });
}

/** The platform has stopped the one and started the next; null: the order is none of a restart's. */
export function restartDone(
  state: ServiceState,
  { key, atMs }: Extract<ReleaseEvent, { kind: 'effect-done' }>,
): Decision | null {
  const restart = activeRestart(state);
  if (restart?.phase.kind !== 'stopping' || restart.phase.effectKey !== key) return null;
  const done = [...restart.done, restart.phase.instanceId];
  const left = restart.left.slice(1);
  const next: Restart = { ...restart, done, left, phase: { kind: 'waiting', sinceMs: atMs } };
  if (left.length > 0) return { state: { ...state, restart: next }, record: null, effects: [] };
  const tookMs = secondsText(atMs - restart.startedAtMs);
  return order(
    { ...state, restart: { ...next, phase: { kind: 'done', atMs } } },
    {
      atMs,
      type: 'deploy-outcome',
      decision: 'restarted',
      sentence: `${instancesText(done.length)} of ${nameOf(restart.revision)} restarted in ${tookMs}`,
    },
  );
}

/** Gives a restart up: the extra instance goes, the old ones that are left stay. */
export function endRestart(
  state: ServiceState,
  restart: Restart,
  { because, atMs, by }: { readonly because: string; readonly atMs: number; readonly by?: Hand },
): Decision {
  const { revision, done, left } = restart;
  const sentence = `the restart of ${nameOf(revision)} has ended after ${done.length} of ${instancesText(done.length + left.length)}: ${because}`;
  const ended: Restart = { ...restart, phase: { kind: 'given-up', atMs, because } };
  return order(
    { ...state, restart: ended },
    {
      atMs,
      type: by === undefined ? 'deploy-outcome' : 'operator-action',
      decision: 'restart-ended',
      ...(by === undefined ? {} : { by }),
      sentence,
      effects: (key) => [restartEffect(ended, `${key}/run/${revision.id}`)],
    },
  );
}

/** T5: the state without it, and what its revision is to have then. */
export function supersedeRestart(
  state: ServiceState,
  { because, atMs }: { readonly because: string; readonly atMs: number },
): { readonly state: ServiceState; readonly effects: (key: string) => readonly Effect[] } {
  const restart = activeRestart(state);
  if (restart === null) return { state, effects: () => [] };
  const ended: Restart = { ...restart, phase: { kind: 'given-up', atMs, because } };
  const effects = (key: string): readonly Effect[] => [
    restartEffect(ended, `${key}/run/${restart.revision.id}`),
  ];
  return { state: { ...state, restart: ended }, effects };
}

/** Time that nobody watched is no waiting, and who was ready then may not be now. */
export function restartAnew(state: ServiceState, atMs: number): ServiceState {
  const restart = activeRestart(state);
  if (restart === null) return state;
  const { phase } = restart;
  const instances = state.instances.map(({ readyIds: _ids, ...seen }) => seen);
  const anew = phase.kind === 'waiting' ? { kind: phase.kind, sinceMs: atMs } : phase;
  return { ...state, instances, restart: { ...restart, phase: anew } };
}

function stopNext(
  state: ServiceState,
  restart: Restart,
  { instanceId, atMs }: { readonly instanceId: string; readonly atMs: number },
): Decision {
  const effectKey = `${nextKey(state)}/replace`;
  const { done, left, count, revision } = restart;
  const next: Restart = { ...restart, phase: { kind: 'stopping', effectKey, instanceId } };
  const number = done.length + 1;
  return order(
    { ...state, restart: next },
    {
      atMs,
      type: 'decision',
      decision: 'progress',
      sentence: `restart ${number} of ${done.length + left.length}: stopping ${instanceId}, as ${count} others of ${nameOf(revision)} are ready`,
      effects: () => [restartEffect(next, effectKey)],
    },
  );
}

function instancesText(count: number): string {
  return count === 1 ? '1 instance' : `${countText(count)} instances`;
}

/** In the order they are to go: those that serve nobody first, then the oldest. */
export function restartOrder(
  instances: readonly { readonly id: string; readonly state: string }[],
  revision: Revision,
): readonly string[] {
  const numberOf = (id: string): number => Number(id.slice(revision.id.length + 1));
  const rank = (state: string): number => (state === 'ready' ? 1 : 0);
  return instances
    .filter(({ state }) => state !== 'stopping')
    .toSorted((a, b) => rank(a.state) - rank(b.state) || numberOf(a.id) - numberOf(b.id))
    .map(({ id }) => id);
}
