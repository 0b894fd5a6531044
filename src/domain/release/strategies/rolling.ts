/**
 * Rolling and recreate: the candidate's instances take the places of stable's, and stable's come back the same way.
 *
 *   rolling --some of stable go, as many of the candidate come, again and again--> step 1, 100 % --> baking --> promoted
 *      '--no progress, a crash loop, a broken objective, a person--> rolling the other way --> all is stable's --> rolled-back
 *
 * G1  Each revision's share is that of its serving instances, so each instance has the same load.
 * G2  How many come and go is what domain/scaling/rolling-update.ts says, by what the platform shows.
 * G3  On the way back the candidate's share never rises (R4), and nothing leads forth again.
 * G4  Instances that go leave the table and finish what they have before they stop (the loop's lanes).
 * G5  A person's pause stops the way forth, never the way back, and no recreate that has begun: nobody serves meanwhile.
 */
import { closeBlock, type Verdict } from '../../gate/gate.ts';
import {
  planRecreate,
  planRolling,
  rollingBounds,
  type RollingPlan,
} from '../../scaling/rolling-update.ts';
import { secondsText } from '../wording/amount-text.ts';
import type { Effect } from '../effect.ts';
import type { Hand } from '../event.ts';
import { candidateWeightPercent, nextKey, order, splitTraffic, unchanged } from '../order.ts';
import { rolledDesired, wantedInstances, withCount } from '../instance-counts.ts';
import type { Revision } from '../revision.ts';
import { type Arms, armsOf, instancesText, rolledBy, type RollingPhase } from './rolling-arms.ts';
import { instancesOf } from '../seeing/see.ts';
import { nameOf } from '../wording/sentence.ts';
import type { Cause, Decision, Rollout, ServiceState } from '../service-state.ts';
import { shiftTo } from '../shift.ts';

/** The way forth begins with nothing of the candidate and all of stable, in the order in which both are wanted. */
export function beginRolling(
  state: ServiceState,
  arms: { readonly candidate: Revision; readonly stable: Revision },
  atMs: number,
): RollingPhase {
  const stable = wantedInstances(state, arms.stable);
  return {
    kind: 'rolling',
    sinceMs: atMs,
    movedAtMs: atMs,
    wanted: { candidate: 0, stable },
    desired: { candidate: rolledDesired(state, arms.candidate, arms.stable), stable },
    readyMost: 0,
    stopKey: null,
    cause: null,
    isStuckRecorded: false,
  };
}

/** Orders the next move, says that it is over, or gives up. */
export function followRolling(state: ServiceState, rollout: Rollout, atMs: number): Decision {
  const { phase } = rollout;
  const arms = armsOf(state, rollout);
  if (phase.kind !== 'rolling' || arms === null) return unchanged(state);
  if (rollout.paused !== null && mayPause(rollout, phase)) return unchanged(state);
  if (isOver(arms)) return finish(state, rollout, { arms, atMs, phase });
  const move = nextMove(state, rollout, { arms, atMs, phase });
  if (move.effects.length > 0) {
    return order(
      { ...state, rollout: move.rollout },
      {
        atMs,
        type: 'decision',
        decision: 'roll',
        sentence: `${moveText(arms, move.plan)}; ${instancesText(arms)}`,
        effects: () => move.effects,
      },
    );
  }
  if (move.phase.movedAtMs === phase.movedAtMs)
    return followDeadline(state, rollout, { arms, atMs, phase });
  return unchanged({ ...state, rollout: move.rollout });
}

/** Begins the way back, and orders its first move at once. */
export function rollBack(
  state: ServiceState,
  rollout: Rollout,
  cause: Cause,
  said: { readonly verdict?: Verdict; readonly by?: Hand },
): Decision {
  const { phase, candidate, stable } = rollout;
  const { atMs } = cause;
  if (stable === null) return unchanged(state);
  if (phase.kind === 'rolling' && phase.cause !== null) {
    const sentence = `${cause.sentence}; ${rollout.id} is going back already`;
    return order(state, { atMs, type: 'deploy-outcome', decision: 'hold', sentence });
  }
  const all = wantedInstances(state, candidate);
  const begun: RollingPhase =
    phase.kind === 'rolling'
      ? phase
      : {
          ...beginRolling(state, { candidate, stable }, atMs),
          wanted: { candidate: all, stable: 0 },
          desired: { candidate: all, stable: wantedInstances({ ...state, rollout: null }, stable) },
        };
  const moved = { sinceMs: atMs, movedAtMs: atMs, readyMost: 0, stopKey: null };
  const back: RollingPhase = {
    ...begun,
    ...moved,
    cause,
    wanted: wantedBack(state, { rollout, stable }, begun),
  };
  const turned: Rollout = { ...rollout, paused: null, gate: closeBlock(rollout.gate), phase: back };
  const seen = armsOf(state, turned);
  if (seen === null) return unchanged(state);
  // Whether those that were to stop still serve is known with the next look only.
  const ready = Math.min(seen.incoming.ready, begun.wanted.stable);
  const arms: Arms = { ...seen, incoming: { ...seen.incoming, ready } };
  const move = nextMove(state, turned, { arms, atMs, phase: back, isFirst: true });
  return order(
    { ...state, rollout: move.rollout },
    {
      atMs,
      type: said.by === undefined ? 'decision' : 'operator-action',
      decision: 'roll-back',
      sentence: `going back to ${nameOf(stable)}, ${instancesText(arms)}: ${cause.sentence}`,
      ...said,
      effects: () => move.effects,
    },
  );
}

/** The last of those that went are gone for good; null: the order is none of a rollout that is rolled. */
export function rolledOut(rollout: Rollout, key: string): Rollout | null {
  const { phase } = rollout;
  if (phase.kind !== 'rolling' || phase.stopKey !== key) return null;
  return { ...rollout, phase: { ...phase, stopKey: null } };
}

function mayPause(rollout: Rollout, { cause, wanted, desired }: RollingPhase): boolean {
  const hasBegun = wanted.stable < desired.stable;
  return cause === null && !(hasBegun && rolledBy(rollout)?.kind === 'recreate');
}

/** Stable's instances that still serve stay, whatever has become of the order to stop them. */
function wantedBack(
  state: ServiceState,
  { rollout, stable }: { readonly rollout: Rollout; readonly stable: Revision },
  { wanted, desired }: RollingPhase,
): RollingPhase['wanted'] {
  if (rolledBy(rollout)?.kind === 'recreate') return wanted;
  const serving = instancesOf(state, stable.id)?.ready ?? 0;
  return { ...wanted, stable: Math.min(desired.stable, Math.max(wanted.stable, serving)) };
}

interface Moment {
  readonly arms: Arms;
  readonly atMs: number;
  readonly phase: RollingPhase;
  /** Of a way back: what was ordered before it may never begin, so all is said anew. */
  readonly isFirst?: boolean;
}

function isOver({ incoming, outgoing }: Arms): boolean {
  return outgoing.wanted === 0 && outgoing.total === 0 && incoming.ready >= incoming.desired;
}

function finish(state: ServiceState, rollout: Rollout, { arms, atMs, phase }: Moment): Decision {
  const { ready, desired, revision } = arms.incoming;
  const left = `none of ${nameOf(arms.outgoing.revision)} is left`;
  const sentence = `${ready} of ${desired} instances of ${nameOf(revision)} are ready, and ${left}`;
  const { cause } = phase;
  if (cause === null) {
    const counted = withCount(state, rollout.candidate, desired);
    const shifted = shiftTo(counted, rollout, { stepIndex: 0, atMs, sentence, verdict: null });
    const moved = shifted.state.rollout;
    // A pause that could not hold a recreate holds its bake.
    if (moved === null || rollout.paused === null) return shifted;
    return {
      ...shifted,
      state: { ...shifted.state, rollout: { ...moved, paused: rollout.paused } },
    };
  }
  const traffic = splitTraffic(state, rollout, { weightPercent: 0, match: null });
  const effectKey = `${nextKey(state)}/route`;
  return order(
    {
      ...state,
      rollout: { ...rollout, phase: { kind: 'reverting', sinceMs: atMs, cause, effectKey } },
    },
    {
      atMs,
      type: 'decision',
      decision: 'roll',
      sentence,
      effects: (): readonly Effect[] =>
        traffic === null ? [] : [{ kind: 'set-traffic', key: effectKey, traffic }],
    },
  );
}

/** What is wanted next, as orders; none where all is as it should be for now. */
function nextMove(
  state: ServiceState,
  rollout: Rollout,
  { arms, atMs, phase, isFirst = false }: Moment,
): {
  readonly rollout: Rollout;
  readonly phase: RollingPhase;
  readonly plan: RollingPlan;
  readonly effects: readonly Effect[];
} {
  const { incoming, outgoing } = arms;
  const plan = planOf(rollout, arms, phase);
  const isBack = phase.cause !== null;
  const wanted = isBack
    ? { candidate: plan.outgoing, stable: plan.incoming }
    : { candidate: plan.incoming, stable: plan.outgoing };
  const key = nextKey(state);
  const moves = [
    countEffect(outgoing.revision, { from: outgoing.wanted, to: plan.outgoing, key }),
    countEffect(incoming.revision, {
      from: isFirst ? 0 : incoming.wanted,
      to: plan.incoming,
      key,
    }),
  ];
  const traffic = trafficEffect(state, rollout, { arms, plan, key, isFirst });
  const effects = [traffic, ...moves].filter((each) => each !== null);
  const hasMoved = effects.length > 0 || incoming.ready > phase.readyMost;
  const next: RollingPhase = {
    ...phase,
    wanted,
    readyMost: Math.max(phase.readyMost, incoming.ready),
    movedAtMs: hasMoved ? atMs : phase.movedAtMs,
    stopKey: stopKeyIn(effects, outgoing.revision) ?? phase.stopKey,
    isStuckRecorded: phase.isStuckRecorded && !hasMoved,
  };
  return { rollout: { ...rollout, phase: next }, phase: next, plan, effects };
}

function stopKeyIn(effects: readonly Effect[], { id }: Revision): string | null {
  const stop = effects.find((each) => each.kind === 'stop-instances' && each.revision.id === id);
  return stop?.key ?? null;
}

function planOf(rollout: Rollout, { incoming, outgoing }: Arms, phase: RollingPhase): RollingPlan {
  const strategy = rolledBy(rollout);
  // The platform shows nobody who is on the way out, so that the order is done says it.
  const isGone = outgoing.wanted === 0 && outgoing.total === 0 && phase.stopKey === null;
  if (strategy?.kind !== 'rolling') {
    return planRecreate(incoming.desired, { wanted: incoming.wanted, isGone });
  }
  const { desired } = incoming;
  return planRolling(rollingBounds(strategy, desired), desired, { incoming, outgoing });
}

function countEffect(
  revision: Revision,
  { from, to, key }: { readonly from: number; readonly to: number; readonly key: string },
): Effect | null {
  if (from === to) return null;
  if (to === 0) return { kind: 'stop-instances', key: `${key}/stop`, revision };
  return { kind: 'ensure-instances', key: `${key}/run/${revision.id}`, revision, count: to };
}

/** By the instances that serve and stay (G1). Of recreate: all to who comes, though nobody is there yet. */
function trafficEffect(
  state: ServiceState,
  rollout: Rollout,
  at: {
    readonly arms: Arms;
    readonly plan: RollingPlan;
    readonly key: string;
    readonly isFirst: boolean;
  },
): Effect | null {
  const { arms, plan, key, isFirst } = at;
  const { incoming, outgoing, isBack } = arms;
  const now = candidateWeightPercent(state);
  const comes = Math.min(incoming.ready, plan.incoming);
  const stays = Math.min(outgoing.ready, plan.outgoing);
  const isRecreate = rolledBy(rollout)?.kind === 'recreate';
  const isLast = plan.outgoing === 0;
  // Nobody serves: it stays with those that may come back. Who is stopped gets nothing in any case (R6).
  const isNobody = !isRecreate && !isLast && comes + stays === 0;
  if (isNobody && !isFirst) return null;
  const isAll = isRecreate || isLast;
  const incomingPercent = isAll
    ? 100
    : Math.round((1000 * comes) / Math.max(1, comes + stays)) / 10;
  const candidatePercent = isBack ? (1000 - 10 * incomingPercent) / 10 : incomingPercent;
  const weightPercent = isBack ? Math.min(now, candidatePercent) : candidatePercent;
  if (weightPercent === now && !isFirst) return null;
  const traffic = splitTraffic(state, rollout, { weightPercent, match: null });
  return traffic === null ? null : { kind: 'set-traffic', key: `${key}/route`, traffic };
}

function followDeadline(
  state: ServiceState,
  rollout: Rollout,
  { arms, atMs, phase }: Moment,
): Decision {
  const deadlineMs = rolledBy(rollout)?.progressDeadlineMs ?? Infinity;
  if (atMs - phase.movedAtMs <= deadlineMs || phase.isStuckRecorded) return unchanged(state);
  const why = arms.incoming.reason ?? arms.outgoing.reason ?? 'the platform says nothing';
  const sentence = `no instance came or went for ${secondsText(atMs - phase.movedAtMs)}, ${instancesText(arms)}: ${why}`;
  if (phase.cause === null)
    return rollBack(state, rollout, { kind: 'not-ready', sentence, atMs }, {});
  return order(
    { ...state, rollout: { ...rollout, phase: { ...phase, isStuckRecorded: true } } },
    {
      atMs,
      type: 'deploy-outcome',
      decision: 'hold',
      sentence: `the way back does not get on: ${sentence}`,
    },
  );
}

function moveText({ incoming, outgoing }: Arms, plan: RollingPlan): string {
  const of = (revision: Revision, from: number, to: number): string[] =>
    from === to ? [] : [`${nameOf(revision)} from ${from} to ${to}`];
  const counts = [
    ...of(incoming.revision, incoming.wanted, plan.incoming),
    ...of(outgoing.revision, outgoing.wanted, plan.outgoing),
  ];
  return counts.length === 0 ? 'giving who serves its share' : counts.join(', ');
}
