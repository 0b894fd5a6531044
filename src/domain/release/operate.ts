import type { StableWindow } from '../gate/before-after.ts';
import { endParking, type Verdict } from '../gate/gate.ts';
import { whyNotPast } from './approvals.ts';
import type { Effect } from './effect.ts';
import type { Action, Hand, ReleaseEvent } from './event.ts';
import { order, stableTraffic } from './order.ts';
import { promoted, withSummary } from './promoted.ts';
import { activeRestart, beginRestart, endRestart, supersedeRestart } from './restart.ts';
import { revert } from './revert.ts';
import { instancesOf } from './seeing/see.ts';
import { percentText } from './wording/amount-text.ts';
import { choicesText, handText, nameOf } from './wording/sentence.ts';
import { activeRollout, type Decision, type Rollout, type ServiceState } from './service-state.ts';
import { shiftTo } from './shift.ts';
import { start } from './start.ts';
import { whyNotSwitch } from './strategies/standby.ts';
import { verdictAt } from './step-verdict.ts';

interface Request {
  readonly action: Action;
  readonly by: Hand;
  readonly atMs: number;
  readonly before?: StableWindow;
}

/** A person's hand on a service. What can't be done now is refused with the reason, and recorded all the same. */
export function operate(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'operate' }>,
): Decision {
  const rollout = activeRollout(state);
  switch (event.action.kind) {
    case 'promote':
    case 'promote-full':
    case 'pause':
    case 'resume':
    case 'abort':
      if (rollout === null && event.action.kind === 'abort') {
        const ended = abortRestart(state, event);
        if (ended !== null) return ended;
      }
      if (rollout === null) return refuse(state, event, `${state.name} has no rollout under way`);
      return operateRollout(state, rollout, event);
    case 'retry':
      return retry(state, rollout, event);
    case 'undo':
      return undo(state, rollout, { ...event, toRevisionId: event.action.toRevisionId });
    case 'restart':
      return restartInstances(state, rollout, { ...event, ...event.action });
    case 'delete':
      return remove(state, rollout, event);
  }
}

function operateRollout(state: ServiceState, rollout: Rollout, request: Request): Decision {
  const { action, by, atMs } = request;
  if (rollout.phase.kind === 'rolling' && rollout.phase.cause !== null) {
    return refuse(state, request, `${rollout.id} is going back already`);
  }
  if (rollout.phase.kind === 'reverting') {
    // The way out when the router refused the way back for good and can take it now.
    if (action.kind === 'abort') {
      return revert(state, rollout, rollout.phase.cause, { by, againAtMs: atMs });
    }
    return refuse(state, request, `${rollout.id} is going back already`);
  }
  switch (action.kind) {
    case 'abort': {
      const sentence = `aborted by ${handText(by)}`;
      return revert(state, rollout, { kind: 'aborted', sentence, atMs }, { by });
    }
    case 'pause':
      if (rollout.paused !== null) return refuse(state, request, `${rollout.id} is paused already`);
      return hold(state, { ...rollout, paused: { atMs, by } }, request);
    case 'resume':
      if (rollout.paused === null) return refuse(state, request, `${rollout.id} is not paused`);
      return hold(state, { ...rollout, paused: null }, request);
    case 'promote':
    case 'promote-full':
      return promote(state, rollout, request);
    case 'retry':
    case 'undo':
    case 'restart':
    case 'delete':
      return refuse(state, request, `${action.kind} is no action on a rollout under way`);
  }
}

function promote(state: ServiceState, rollout: Rollout, request: Request): Decision {
  const { phase } = rollout;
  const { action, by, atMs } = request;
  if (phase.kind === 'starting') {
    return refuse(state, request, `the candidate of ${rollout.id} is not ready yet`);
  }
  if (phase.kind === 'rolling') {
    return refuse(state, request, `${rollout.id} goes on by itself as its instances become ready`);
  }
  const verdict = verdictAt(rollout, atMs);
  if (verdict.kind === 'fail') {
    const { sentence } = verdict.explanation;
    return revert(state, rollout, { kind: 'gate-failed', sentence, atMs }, { verdict });
  }
  if (phase.kind === 'baking') return promoted(state, rollout, { atMs, verdict, by });
  if (phase.kind === 'parked') return promoteParked(state, rollout, { ...request, verdict });
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') {
    return refuse(state, request, `${rollout.id} is changing its weight at this moment; try again`);
  }
  if ((instancesOf(state, rollout.candidate.id)?.ready ?? 0) === 0) {
    return refuse(state, request, `no instance of ${nameOf(rollout.candidate)} is ready`);
  }
  const unready = whyNotSwitch(state, rollout);
  if (unready !== null) return refuse(state, request, unready);
  const lastIndex = rollout.plan.steps.length - 1;
  const stepIndex = action.kind === 'promote-full' ? lastIndex : phase.stepIndex + 1;
  const weight = percentText(rollout.plan.steps[stepIndex]?.weightPercent ?? 100);
  const lacking = whyNotPast(rollout, { from: phase.stepIndex, to: stepIndex, atMs });
  if (lacking === null) {
    const sentence = `raising to ${weight}: promoted by ${handText(by)}`;
    return shiftTo(state, rollout, { stepIndex, atMs, sentence, verdict, by });
  }
  const isOverride = 'override' in action && action.override;
  if (!isOverride) return refuse(state, request, lacking);
  if (by.why === null) return refuse(state, request, 'an override has to say why');
  const sentence = `OVERRIDE by ${handText(by)}: raising to ${weight} without the approvals that the plan asks for`;
  return shiftTo(state, rollout, { stepIndex, atMs, sentence, verdict, by, type: 'override' });
}

/**
 * A person takes the risk on: the candidate gets its step's share back and the count of parkings begins anew. Nobody can send it
 * more than that in one go.
 */
function promoteParked(
  state: ServiceState,
  rollout: Rollout,
  request: Request & { readonly verdict: Verdict },
): Decision {
  const { phase } = rollout;
  const { action, atMs, by, verdict } = request;
  if (phase.kind !== 'parked') return refuse(state, request, `${rollout.id} is not parked`);
  const name = nameOf(rollout.candidate);
  const share = percentText(rollout.plan.steps[phase.stepIndex]?.weightPercent ?? 0);
  if (action.kind === 'promote-full') {
    return refuse(
      state,
      request,
      `${name} is parked, as much of it failed; ${choicesText(state, share)}`,
    );
  }
  if ((instancesOf(state, rollout.candidate.id)?.ready ?? 0) === 0) {
    return refuse(state, request, `no instance of ${name} is ready`);
  }
  const free: Rollout = { ...rollout, parkingCount: 0, gate: endParking(rollout.gate, atMs) };
  return shiftTo(state, free, {
    stepIndex: phase.stepIndex,
    atMs,
    decision: 'unpark',
    sentence: `giving ${name} its ${share} back: promoted by ${handText(by)} while it was parked`,
    verdict,
    by,
  });
}

function hold(state: ServiceState, rollout: Rollout, request: Request): Decision {
  const isPause = request.action.kind === 'pause';
  return order(
    { ...state, rollout },
    {
      atMs: request.atMs,
      type: 'operator-action',
      decision: isPause ? 'pause' : 'resume',
      by: request.by,
      sentence: `${isPause ? 'paused' : 'resumed'} by ${handText(request.by)}`,
    },
  );
}

function retry(state: ServiceState, active: Rollout | null, request: Request): Decision {
  const { rollout, spec } = state;
  if (active !== null) return refuse(state, request, `${active.id} is under way`);
  if (rollout === null || spec === null || state.isDeleted) {
    return refuse(state, request, `${state.name} has no rollout to retry`);
  }
  if (rollout.phase.kind !== 'rolled-back') {
    return refuse(state, request, `${rollout.id} was promoted; there is nothing to retry`);
  }
  const { candidate } = rollout;
  const { atMs, by, before = null } = request;
  const isNewest = spec.revision.id === candidate.id;
  const plan = isNewest ? spec.plan : rollout.plan;
  const isInOneStep = rollout.kind === 'first' || rollout.kind === 'undo';
  const kind = isInOneStep ? rollout.kind : (plan.strategy?.kind ?? 'canary');
  return start(state, { kind, candidate, plan, atMs, by, before });
}

function undo(
  state: ServiceState,
  active: Rollout | null,
  request: Request & { readonly toRevisionId: string | null },
): Decision {
  if (active !== null) {
    if (isUndoneByBake(active, request.toRevisionId)) {
      const sentence = `undone by ${handText(request.by)} within the bake`;
      const cause = { kind: 'aborted', sentence, atMs: request.atMs } as const;
      return revert(state, active, cause, { by: request.by });
    }
    return refuse(
      state,
      request,
      `${active.id} is under way; "tidegate rollout abort ${state.name}" goes back at once`,
    );
  }
  const earlier = state.isDeleted ? [] : state.stables.slice(0, -1);
  const wanted = request.toRevisionId;
  const candidate =
    wanted === null ? earlier.at(-1) : earlier.find((revision) => revision.id === wanted);
  if (candidate === undefined || state.spec === null) {
    const which = wanted === null ? '' : ` ${wanted}`;
    const known = earlier.length === 0 ? '' : `; it has ${earlier.map(nameOf).join(', ')}`;
    return refuse(state, request, `${state.name} has no earlier stable revision${which}${known}`);
  }
  const spec = { ...state.spec, revision: candidate };
  const { atMs, by, before = null } = request;
  const wish = { kind: 'undo', candidate, plan: spec.plan, atMs, by, before } as const;
  return start({ ...state, spec }, wish);
}

/** During the bake the revision that an undo goes to still runs: one table is enough. */
function isUndoneByBake({ phase, stable, kind }: Rollout, toRevisionId: string | null): boolean {
  if (phase.kind !== 'baking' || stable === null || kind === 'undo') return false;
  return toRevisionId === null || toRevisionId === stable.id;
}

function restartInstances(
  state: ServiceState,
  active: Rollout | null,
  request: Request & { readonly instanceIds: readonly string[] },
): Decision {
  if (active !== null) return refuse(state, request, `${active.id} is under way`);
  if (state.isDeleted) return refuse(state, request, `there is no service ${state.name}`);
  const begun = beginRestart(state, request);
  return typeof begun === 'string' ? refuse(state, request, begun) : begun;
}

function abortRestart(state: ServiceState, { by, atMs }: Request): Decision | null {
  const restart = activeRestart(state);
  if (restart === null) return null;
  return endRestart(state, restart, { because: `aborted by ${handText(by)}`, atMs, by });
}

/** Takes the route away and stops everything that may run. The stop waits for the router in the loop (R6). */
function remove(state: ServiceState, active: Rollout | null, request: Request): Decision {
  const { atMs, by } = request;
  if (state.spec === null || state.isDeleted) {
    return refuse(state, request, `there is no service ${state.name}`);
  }
  const revisions = new Map(state.stables.map((each) => [each.id, each]));
  if (state.rollout !== null) revisions.set(state.rollout.candidate.id, state.rollout.candidate);
  const sentence = `deleted by ${handText(by)}`;
  const ended = active === null ? state : ending(state, active, { atMs, sentence });
  const { state: alone } = supersedeRestart(ended, { because: sentence, atMs });
  const deleted: ServiceState = { ...alone, isDeleted: true };
  return order(deleted, {
    atMs,
    type: 'operator-action',
    decision: 'delete',
    by,
    sentence: `${state.name} ${sentence}`,
    effects: (key): Effect[] => [
      { kind: 'set-traffic', key: `${key}/route`, traffic: stableTraffic(deleted) },
      ...[...revisions.values()].map((revision): Effect => {
        return { kind: 'stop-instances', key: `${key}/stop/${revision.id}`, revision };
      }),
    ],
  });
}

function ending(
  state: ServiceState,
  active: Rollout,
  why: { readonly atMs: number; readonly sentence: string },
): ServiceState {
  const cause = { kind: 'deleted', ...why } as const;
  const rollout: Rollout = { ...active, phase: { kind: 'rolled-back', atMs: why.atMs, cause } };
  return { ...state, rollout, history: withSummary(state, rollout, why.atMs) };
}

function refuse(state: ServiceState, request: Request, because: string): Decision {
  return order(state, {
    atMs: request.atMs,
    type: 'operator-action',
    decision: 'refuse',
    by: request.by,
    sentence: `cannot ${request.action.kind}: ${because}`,
  });
}
