/**
 * One instance of several that has all the errors is replaced before the version is thrown back: a bad host or a bad start is
 * not the version's fault, and the new one in its place tells.
 *
 * I1  Once in a rollout, as the gate forgives one instance once (domain/gate/suspect.ts). The new one being bad too is the
 *     version's fault: the gate fails.
 * I2  Nothing is sent to the instance before it stops; the order names it, so that doing it twice changes nothing.
 * I3  Nothing goes forward until the candidate has all its instances again. When that takes longer than `replaceWithin`, the
 *     rollout goes back: the evidence had reached its limit, and what could have excused it did not come.
 */
import type { Verdict } from '../gate/gate.ts';
import { wantedInstances } from './instance-counts.ts';
import { isWaitingForInstance } from './parking.ts';
import { nextKey, order } from './order.ts';
import { revert } from './revert.ts';
import { instancesOf } from './seeing/see.ts';
import { secondsText } from './wording/amount-text.ts';
import type { Decision, Replacement, Rollout, ServiceState } from './service-state.ts';

interface Moment {
  readonly verdict: Verdict;
  readonly atMs: number;
}

/** Orders, notes or gives up a replacement; null: there is nothing to do about one now. */
export function followReplacement(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment,
): Decision | null {
  const { replacement } = rollout;
  if (replacement === undefined) return orderReplacement(state, rollout, moment);
  if (!isWaitingForInstance(rollout)) return null;
  const { candidate, plan } = rollout;
  const { atMs } = moment;
  const ready = instancesOf(state, candidate.id)?.ready ?? 0;
  if (replacement.phase === 'replaced' && ready >= candidate.instances) {
    return noteReady(state, rollout, { atMs, replacement });
  }
  const withinMs = plan.gate.replaceWithinMs ?? 0;
  if (atMs - replacement.atMs < withinMs) return null;
  const what =
    replacement.phase === 'ordered' ? 'it was not replaced' : 'no new one was ready in its place';
  const sentence = `all errors were on instance ${replacement.instanceId}, and ${what} within ${secondsText(withinMs)}`;
  return revert(state, rollout, { kind: 'gate-failed', sentence, atMs });
}

/** The platform has stopped the one and started the other. */
export function replaced(rollout: Rollout, key: string): Rollout | null {
  const { replacement } = rollout;
  if (replacement?.phase !== 'ordered' || replacement.effectKey !== key) return null;
  return { ...rollout, replacement: { ...replacement, phase: 'replaced' } };
}

/** What a rollback says besides, when an instance was replaced before it. */
export function replacedText({ replacement }: Rollout): string {
  return replacement === undefined
    ? ''
    : `; instance ${replacement.instanceId} had been replaced before`;
}

function orderReplacement(
  state: ServiceState,
  rollout: Rollout,
  { verdict, atMs }: Moment,
): Decision | null {
  const { advice, sentence } = verdict.explanation;
  const { candidate, phase } = rollout;
  const isJudged = phase.kind === 'judging' || phase.kind === 'waiting' || phase.kind === 'parked';
  if (advice?.kind !== 'replace-instance' || candidate.instances < 2 || !isJudged) return null;
  const { instanceId } = advice;
  const effectKey = `${nextKey(state)}/replace`;
  const replacement: Replacement = { instanceId, atMs, effectKey, phase: 'ordered' };
  return order(
    { ...state, rollout: { ...rollout, replacement } },
    {
      atMs,
      type: 'decision',
      decision: 'replace',
      sentence: `replacing instance ${instanceId}, on which all errors were: ${sentence}`,
      verdict,
      effects: () => [
        {
          kind: 'replace-instance',
          key: effectKey,
          revision: candidate,
          count: wantedInstances(state, candidate),
          instanceId,
        },
      ],
    },
  );
}

function noteReady(
  state: ServiceState,
  rollout: Rollout,
  { atMs, replacement }: { readonly atMs: number; readonly replacement: Replacement },
): Decision {
  const { instances } = rollout.candidate;
  const done: Rollout = { ...rollout, replacement: { ...replacement, phase: 'ready' } };
  const afterMs = secondsText(atMs - replacement.atMs);
  return order(
    { ...state, rollout: done },
    {
      atMs,
      type: 'deploy-outcome',
      decision: 'progress',
      sentence: `instance ${replacement.instanceId} was replaced: ${instances} of ${instances} instances are ready ${afterMs} after the order`,
    },
  );
}
