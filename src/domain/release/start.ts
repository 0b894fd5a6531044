import type { StableWindow } from '../gate/before-after.ts';
import { openGate, withStableBefore } from '../gate/gate.ts';
import { candidateCount, strategyText } from './strategies/blue-green.ts';
import type { Effect } from './effect.ts';
import type { Hand, ReleaseEvent } from './event.ts';
import { allFlags } from './flag-turns.ts';
import { withoutCount } from './instance-counts.ts';
import { order, stableTraffic, unchanged } from './order.ts';
import { supersedeRestart } from './restart.ts';
import type { Plan, Revision, ServiceSpec, Step } from './revision.ts';
import { beginRolling } from './strategies/rolling.ts';
import { rolledBy } from './strategies/rolling-arms.ts';
import { stableRestarts } from './seeing/see.ts';
import { percentText, secondsText } from './wording/amount-text.ts';
import { nameOf } from './wording/sentence.ts';
import {
  activeRollout,
  type Decision,
  emptyService,
  noRequests,
  type Rollout,
  type ServiceState,
  stableOf,
} from './service-state.ts';

/** A release file was applied: starts a rollout, takes over new settings, or says why not. */
export function apply(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'apply' }>,
): Decision {
  const { spec, by, atMs } = event;
  const running = activeRollout(state);
  if (running !== null) return applyWhileRunning(state, running, event);
  if (state.isDeleted) return apply(reborn(state), event);

  const stable = stableOf(state);
  const isKnownBad = state.rollout?.phase.kind === 'rolled-back';
  if (stable?.id === spec.revision.id) return applySettings(state, event);
  if (isKnownBad && state.spec?.revision.id === spec.revision.id) {
    // A new plan is taken over all the same: the retry goes by it.
    return order(
      { ...state, spec },
      {
        atMs,
        type: 'operator-action',
        decision: 'unchanged',
        by,
        sentence: `${nameOf(spec.revision)} was rolled back in ${state.rollout?.id}; "tidegate rollout retry ${state.name}" tries it again${isSameSpec(state.spec, spec) ? '' : ' by the settings just applied'}`,
      },
    );
  }
  const kind = stable === null ? 'first' : (spec.plan.strategy?.kind ?? 'canary');
  const wish = { kind, candidate: spec.revision, plan: spec.plan, atMs, by } as const;
  return start({ ...state, spec }, { ...wish, before: event.before ?? null });
}

/** Begins a rollout. The caller has made sure that none is under way. */
export function start(
  state: ServiceState,
  wish: {
    readonly kind: Rollout['kind'];
    readonly candidate: Revision;
    readonly plan: Plan;
    readonly atMs: number;
    readonly by: Hand;
    /** Of stable while no rollout ran. */
    readonly before: StableWindow | null;
  },
): Decision {
  const { kind, candidate, atMs, by } = wish;
  const stable = stableOf(state);
  const plan = kind === 'first' || kind === 'undo' ? inOneStep(wish.plan, kind) : wish.plan;
  const isRolled = stable !== null && rolledBy({ kind, plan, stable }) !== null;
  const rolloutCount = state.rolloutCount + 1;
  const fromTo =
    stable === null
      ? `${nameOf(candidate)}, nothing before it`
      : `${nameOf(stable)} -> ${nameOf(candidate)}`;
  const rollout: Rollout = {
    id: `${state.name}-${rolloutCount}`,
    kind,
    candidate,
    stable,
    plan,
    startedAtMs: atMs,
    startedBy: by,
    phase: isRolled
      ? beginRolling(state, { candidate, stable }, atMs)
      : { kind: 'starting', sinceMs: atMs },
    paused: null,
    gate: withStableBefore(
      openGate(plan.gate, plan.objectives, atMs, plannedMs(plan)),
      wish.before,
    ),
    totals: noRequests,
    stepTotals: noRequests,
    stepResults: [],
    stableRestartsAtStart: stableRestarts(state),
    unreadySinceMs: null,
    lastVerdict: null,
    lastProgressAtMs: atMs,
    isLimitRecorded: false,
  };
  const because = `${rollout.id} started`;
  const alone = supersedeRestart(state, { because, atMs });
  const next = { ...withoutCount(alone.state, candidate.id), rollout, rolloutCount };
  return order(next, {
    atMs,
    type: 'release-plan',
    decision: 'start',
    by,
    plan,
    sentence: `${rollout.id} started: ${fromTo}, ${planText(plan)}${unjudgedText(kind, plan)}`,
    effects: (key): readonly Effect[] => {
      const known = announceFlags(next, candidate, key);
      // What is rolled begins with the next look.
      if (isRolled) return [...known, ...alone.effects(key)];
      const count = candidateCount(rollout);
      const run: Effect = {
        kind: 'ensure-instances',
        key: `${key}/run`,
        revision: candidate,
        count,
      };
      return [...known, run, ...alone.effects(key)];
    },
  });
}

/** An instance may ask for its flags before it is ready; users stay where they are. */
function announceFlags(state: ServiceState, { flags }: Revision, key: string): readonly Effect[] {
  if (flags === undefined) return [];
  return [{ kind: 'set-traffic', key: `${key}/flags`, traffic: stableTraffic(state) }];
}

/** A first revision has nothing to go back to, and an undo goes to what was good: nobody misses a judgement of them. */
function unjudgedText(kind: Rollout['kind'], plan: Plan): string {
  if (kind === 'first' || kind === 'undo' || isJudgedAnywhere(plan)) return '';
  return '; nothing will judge it, as no step is gated and there is no bake: add a gated step below 100 %, or a bake with objectives';
}

/** Whether there is any time in which the candidate has traffic and can be thrown back for what it does. */
export function isJudgedAnywhere({ bakeMs, steps }: Plan): boolean {
  return (
    bakeMs > 0 ||
    steps.some(
      ({ gated, weightPercent, atLeastMs, wait }) =>
        gated || (weightPercent < 100 && (atLeastMs > 0 || wait.kind !== 'none')),
    )
  );
}

/** Steps of a plan as people write them: `10 % -> 50 % -> 100 %, bake 5 s`. */
export function planText(plan: Plan): string {
  const shares = plan.steps.map((step) => percentText(step.weightPercent)).join(' -> ');
  const strategy = strategyText(plan);
  const steps = strategy === null ? shares : `${strategy} -> 100 %`;
  return plan.bakeMs > 0 ? `${steps}, bake ${secondsText(plan.bakeMs)}` : steps;
}

function applyWhileRunning(
  state: ServiceState,
  running: Rollout,
  event: Extract<ReleaseEvent, { kind: 'apply' }>,
): Decision {
  if (state.spec !== null && isSameSpec(state.spec, event.spec)) return unchanged(state);
  const isSame = running.candidate.id === event.spec.revision.id;
  const what = isSame ? 'change the settings of' : 'start';
  return order(state, {
    atMs: event.atMs,
    type: 'operator-action',
    decision: 'refuse',
    by: event.by,
    sentence: `cannot ${what} ${nameOf(event.spec.revision)}: ${running.id} is under way; wait for it, or "tidegate rollout abort ${state.name}"`,
  });
}

function applySettings(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'apply' }>,
): Decision {
  const { spec, atMs, by } = event;
  if (state.spec !== null && isSameSpec(state.spec, spec)) return unchanged(state);
  const next: ServiceState = { ...state, spec };
  return order(next, {
    atMs,
    type: 'service-change',
    decision: 'update',
    by,
    plan: spec.plan,
    sentence: `${state.name} has new settings and the same revision ${nameOf(spec.revision)}`,
    effects: (key) => [{ kind: 'set-traffic', key: `${key}/route`, traffic: stableTraffic(next) }],
  });
}

function isSameSpec(a: ServiceSpec, b: ServiceSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A deleted service begins anew; its counters go on so that ids stay unique, and instances may still be there. */
function reborn(state: ServiceState): ServiceState {
  const { rolloutCount, recordCount, history, instances, retired } = state;
  const kept = { rolloutCount, recordCount, history, instances, retired };
  return { ...emptyService(state.name), ...kept };
}

/** A first rollout has nothing to compare with, and an undo goes to what was good: both need no gated steps. */
function inOneStep(plan: Plan, kind: 'first' | 'undo'): Plan {
  const step: Step = {
    weightPercent: 100,
    match: null,
    atLeastMs: 0,
    gated: false,
    wait: { kind: 'none' },
    ...(kind === 'first' ? allFlags(plan.steps) : {}),
  };
  const { strategy, ...rest } = plan;
  // Who must not run beside another must not on the way back either.
  const isKept = kind === 'undo' && strategy !== undefined && strategy.kind !== 'blue-green';
  const bakeMs = kind === 'first' ? 0 : plan.bakeMs;
  return { ...rest, steps: [step], bakeMs, ...(isKept ? { strategy } : {}) };
}

/** How long the plan may take when every gate uses its time: the horizon of the gate's onset mixture. */
export function plannedMs(plan: Plan): number {
  const gatedSteps = plan.steps.filter((step) => step.gated).length;
  return Math.max(60_000, gatedSteps * plan.gate.atMostMs + plan.bakeMs);
}
