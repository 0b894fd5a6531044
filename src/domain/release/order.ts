import { inFull } from '../gate/explain-metrics.ts';
import { previewOf } from './strategies/blue-green.ts';
import type { Effect, Share, Traffic } from './effect.ts';
import type { Hand } from './event.ts';
import { flagsAt } from './flag-turns.ts';
import type { GateSettings, Plan, Revision, Step } from './revision.ts';
import {
  type ApprovalRequest,
  type Decision,
  type DecisionKind,
  type ReleaseRecord,
  retiredMax,
  type Rollout,
  type ServiceState,
  stableOf,
} from './service-state.ts';
import type { Verdict } from '../gate/gate.ts';

/** What a decision says of itself; the rest of the record is taken from the state. */
export interface Order {
  readonly atMs: number;
  readonly type: ReleaseRecord['type'];
  readonly decision: DecisionKind;
  readonly sentence: string;
  readonly by?: Hand;
  readonly verdict?: Verdict | null;
  readonly plan?: Plan;
  readonly approval?: ApprovalRequest;
  /** Effects, given the key prefix that makes them unique within the service. */
  readonly effects?: (key: string) => readonly Effect[];
}

/** Turns an order into a decision: counts the record and names the effects after it. */
export function order(state: ServiceState, order: Order): Decision {
  const recordCount = state.recordCount + 1;
  const effects = order.effects?.(keyOf(state, recordCount)) ?? [];
  const traffic = effects.findLast((effect) => effect.kind === 'set-traffic')?.traffic;
  const record: ReleaseRecord = {
    type: order.type,
    decision: order.decision,
    atMs: order.atMs,
    service: state.name,
    rolloutId: state.rollout?.id ?? null,
    fromRevisionId: state.rollout?.stable?.id ?? stableOf(state)?.id ?? null,
    toRevisionId: state.rollout?.candidate.id ?? null,
    weightPercent: candidateWeightPercent({ ...state, traffic: traffic ?? state.traffic }),
    by: order.by ?? null,
    sentence: order.sentence,
    verdict: verdictOf(state, order),
    plan: order.plan ?? null,
    effects: effects.flatMap(effectTexts),
    ...(order.approval === undefined ? {} : { approval: order.approval }),
  };
  const retired = retiredAfter(state.retired, effects);
  const next = { ...state, recordCount, retired, traffic: traffic ?? state.traffic };
  return { state: next, record, effects };
}

function verdictOf({ rollout }: ServiceState, { verdict = null }: Order): Verdict | null {
  return verdict === null || rollout === null ? verdict : inFull(verdict, rollout.gate);
}

/** Who is stopped by these effects joins the list, who is started again leaves it. */
function retiredAfter(
  before: readonly Revision[],
  effects: readonly Effect[],
): readonly Revision[] {
  const moved = effects.filter((effect) => effect.kind !== 'set-traffic');
  if (moved.length === 0) return before;
  const ids = new Set(moved.map((effect) => effect.revision.id));
  const stopped = moved.filter((effect) => effect.kind === 'stop-instances');
  const others = before.filter((revision) => !ids.has(revision.id));
  return [...others, ...stopped.map((effect) => effect.revision)].slice(-retiredMax);
}

/** Nothing to record and nothing to do. */
export function unchanged(state: ServiceState): Decision {
  return { state, record: null, effects: [] };
}

/** Key prefix of the effects that the next record orders. */
export function nextKey(state: ServiceState): string {
  return keyOf(state, state.recordCount + 1);
}

/** Traffic that gives the candidate `weightPercent` and stable the rest. */
export function splitTraffic(
  state: ServiceState,
  rollout: Rollout,
  step: Pick<Step, 'weightPercent' | 'match' | 'matches' | 'mirror'>,
  /** Whose flags are turned; absent: none are. */
  stepIndex: number | null = null,
): Traffic | null {
  if (state.spec === null) return null;
  const { weightPercent, match, matches, mirror } = step;
  const { sticky } = state.spec;
  const shares: Share[] =
    rollout.stable === null
      ? [{ revisionId: rollout.candidate.id, weightPercent: 100 }]
      : [
          { revisionId: rollout.stable.id, weightPercent: (1000 - weightPercent * 10) / 10 },
          { revisionId: rollout.candidate.id, weightPercent },
        ];
  return {
    ...noTraffic(state),
    shares,
    match,
    matchRevisionId: match === null && matches === undefined ? null : rollout.candidate.id,
    ...(matches === undefined ? {} : { matches }),
    ...(mirror === undefined || shares.length === 1
      ? {}
      : { mirror: { ...mirror, revisionId: rollout.candidate.id } }),
    ...(sticky === undefined || shares.length === 1
      ? {}
      : { sticky: { key: sticky, seed: rollout.id } }),
    ...previewOf(rollout, weightPercent),
    ...countingOf(rollout.plan.gate),
    ...flagsAt({ ...state, rollout }, stepIndex),
  };
}

function countingOf({ strata, oneVotePer }: GateSettings): Pick<Traffic, 'strata' | 'oneVotePer'> {
  return {
    ...(strata === undefined ? {} : { strata }),
    ...(oneVotePer === undefined ? {} : { oneVotePer }),
  };
}

/** Everything to stable; no route at all when there is none. */
export function stableTraffic(state: ServiceState): Traffic {
  const stable = state.isDeleted ? null : stableOf(state);
  const flags = state.isDeleted ? {} : flagsAt(state, null);
  if (stable === null) return { ...noTraffic(state), ...flags };
  const shares = [{ revisionId: stable.id, weightPercent: 100 }];
  return { ...noTraffic(state), shares, ...flags };
}

/** Share ordered for the candidate of the newest rollout, 0 when there is none. */
export function candidateWeightPercent(state: ServiceState): number {
  const share = state.traffic?.shares.find(
    (each) => each.revisionId === state.rollout?.candidate.id,
  );
  return share?.weightPercent ?? 0;
}

function noTraffic(state: ServiceState): Traffic {
  const { rules, trafficPolicy } = state.spec ?? {};
  return {
    service: state.name,
    host: state.spec?.host ?? state.name,
    requestTimeoutMs: state.spec?.requestTimeoutMs ?? 15_000,
    shares: [],
    match: null,
    matchRevisionId: null,
    ...(rules === undefined ? {} : { rules }),
    ...(trafficPolicy === undefined ? {} : { policy: trafficPolicy }),
  };
}

function keyOf(state: ServiceState, recordCount: number): string {
  return `${state.name}/${recordCount}`;
}

/** A line for each thing that it does. */
function effectTexts(effect: Effect): readonly string[] {
  if (effect.kind !== 'set-traffic') return [effectText(effect)];
  const turned = (effect.traffic.flags ?? []).flatMap(({ revisionId, turns }) =>
    turns.map(({ flag, variant }) => `set flag ${flag} of ${revisionId} to ${variant}`),
  );
  return [effectText(effect), ...turned];
}

function effectText(effect: Effect): string {
  switch (effect.kind) {
    case 'ensure-instances':
      return `run ${effect.count} of ${effect.revision.id}`;
    case 'replace-instance':
      return `replace ${effect.instanceId}, run ${effect.count} of ${effect.revision.id}`;
    case 'stop-instances':
      return `stop ${effect.revision.id}`;
    case 'check-standby':
      return `check the standby ${effect.revision.id} on ${effect.host}`;
    case 'set-traffic': {
      const shares = effect.traffic.shares.map((s) => `${s.revisionId} ${s.weightPercent} %`);
      return `route ${effect.traffic.host} to ${shares.join(', ') || 'nothing'}`;
    }
  }
}
