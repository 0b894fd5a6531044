import type {
  InstanceView,
  RevisionView,
  RolloutSummaryView,
  RolloutView,
  ServiceView,
} from '../../../api/wire.ts';
import type { Revision } from '../../../domain/release/revision.ts';
import { strategyText } from '../../../domain/release/strategies/blue-green.ts';
import { alertOf, describeService } from '../../../domain/release/wording/sentence.ts';
import {
  activeRollout,
  type Cause,
  isFinal,
  measuredSharePercent,
  type Rollout,
  type RolloutSummary,
  type ServiceState,
  stableOf,
  type StepResult,
} from '../../../domain/release/service-state.ts';
import { shadowP95Ms } from '../../../domain/release/shadow.ts';
import { inFull } from '../../../domain/gate/explain-metrics.ts';
import type { Verdict } from '../../../domain/gate/gate.ts';
import { candidateWeightPercent } from '../../../domain/release/order.ts';
import type { Instance } from '../../../ports/platform.ts';
import { withEjectionReason } from '../ejected-instances.ts';
import { limitsView } from './limits-view.ts';
import { flagViews } from './flag-views.ts';
import { gateWords, objectiveWords } from './plan-words.ts';
import { policyWords } from './policy-words.ts';
import { resourceMetadata } from './resource-metadata.ts';
import { serviceConditions } from './service-conditions.ts';
import { restartView } from './restart-view.ts';
import { routingWords } from './routing-words.ts';
import { timeText } from './time-text.ts';

/** A service as the API shows it. Null: nothing was ever applied, or it was deleted. */
export function serviceView(
  state: ServiceState,
  instances: readonly Instance[],
  atMs: number,
): ServiceView | null {
  const { spec } = state;
  if (spec === null || state.isDeleted) return null;
  const stable = stableOf(state);
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Service',
    metadata: resourceMetadata('Service', state.name, state),
    spec: {
      host: spec.host,
      dependsOn: [...spec.dependsOn],
      revision: revisionView(spec.revision),
      requestTimeoutMs: spec.requestTimeoutMs,
      ...routingWords(spec),
      ...policyWords(spec.trafficPolicy),
      strategy: strategyText(spec.plan) ?? 'canary',
      bakeMs: spec.plan.bakeMs,
      stepWeightsPercent: spec.plan.steps.map((step) => step.weightPercent),
      gate: gateWords(spec.plan.gate),
      objectives: spec.plan.objectives.map(objectiveWords),
    },
    status: {
      phase: servicePhase(state, atMs),
      sentence: describeService(state, atMs),
      conditions: serviceConditions(state, atMs),
      stable: stable === null ? null : revisionView(stable),
      stables: state.stables.map(revisionView),
      rollout: state.rollout === null ? null : rolloutView(state, state.rollout, atMs),
      traffic: (state.traffic?.shares ?? []).map((share) => ({ ...share })),
      instances: instances
        .filter((each) => each.service === state.name)
        .map((each) => withEjectionReason(instanceView(each), spec.trafficPolicy)),
      ...flagsOf(state),
      ...(state.restart === undefined ? {} : { restart: restartView(state.restart, atMs) }),
    },
  };
}

function flagsOf(state: ServiceState): Pick<ServiceView['status'], 'flags'> {
  const flags = flagViews(state);
  return flags.length === 0 ? {} : { flags: [...flags] };
}

export function instanceView(instance: Instance): InstanceView {
  const { id, service, revisionId, state, pid, restarts, reason, cpuSeconds, rssBytes } = instance;
  return {
    id,
    service,
    revisionId,
    state,
    port: instance.endpoint?.port ?? null,
    pid,
    startedAt: instance.startedAtMs === null ? null : timeText(instance.startedAtMs),
    restarts,
    reason,
    cpuSeconds,
    rssBytes,
    ...(instance.isEjected === true ? { isEjected: true } : {}),
    ...(instance.certificateEndsAtMs === undefined
      ? {}
      : { certificateEndsAt: timeText(instance.certificateEndsAtMs) }),
    ...(instance.endpoint?.zone === undefined ? {} : { zone: instance.endpoint.zone }),
    ...limitsView(instance),
  };
}

export function summaryView(summary: RolloutSummary): RolloutSummaryView {
  const { startedAtMs, endedAtMs, cause, ...same } = summary;
  return {
    ...same,
    startedBy: { ...same.startedBy },
    totals: { candidate: { ...same.totals.candidate }, stable: { ...same.totals.stable } },
    cause: cause === null ? null : causeView(cause),
    startedAt: timeText(startedAtMs),
    endedAt: timeText(endedAtMs),
  };
}

export function servicePhase(state: ServiceState, atMs: number): ServiceView['status']['phase'] {
  const rollout = activeRollout(state);
  if (rollout === null) {
    return state.rollout?.phase.kind === 'rolled-back' ? 'RolledBack' : 'Stable';
  }
  if (rollout.paused !== null) return 'Paused';
  if (waitsForPerson(rollout, atMs)) return 'Waiting';
  if (rollout.phase.kind === 'parked') return 'Parked';
  return rollout.kind === 'first' ? 'Starting' : 'Progressing';
}

/** By hand, for an approval, or because the gate will not go on by itself: then who waits for the rollout has to be told. */
function waitsForPerson({ paused, phase, lastVerdict }: Rollout, atMs: number): boolean {
  if (paused !== null) return true;
  const heldBy = lastVerdict?.explanation.heldBy ?? null;
  switch (phase.kind) {
    case 'waiting':
      return phase.untilMs === null;
    case 'parked':
      return phase.isHeld;
    // It judges on, and passes if it can; nobody knows whether that ever happens.
    case 'judging':
      return heldBy === 'time-limit';
    case 'baking':
      return atMs >= phase.untilMs && heldBy === 'before-after';
    case 'starting':
    case 'rolling':
    case 'shifting':
    case 'reverting':
    case 'promoted':
    case 'rolled-back':
      return false;
  }
}

export function rolloutView(state: ServiceState, rollout: Rollout, atMs: number): RolloutView {
  const { phase, plan } = rollout;
  const stepNumber =
    phase.kind === 'baking' ? plan.steps.length : 'stepIndex' in phase ? phase.stepIndex + 1 : null;
  const alert = alertOf(rollout);
  return {
    id: rollout.id,
    kind: rollout.kind,
    from: rollout.stable === null ? null : revisionView(rollout.stable),
    to: revisionView(rollout.candidate),
    phase: phase.kind,
    stepNumber,
    stepCount: plan.steps.length,
    stepWeightsPercent: plan.steps.map((step) => step.weightPercent),
    wantedSharePercent: candidateWeightPercent(state),
    measuredSharePercent: measuredSharePercent(rollout.stepTotals),
    isPaused: rollout.paused !== null,
    isWaitingForPerson: waitsForPerson(rollout, atMs),
    totals: { candidate: { ...rollout.totals.candidate }, stable: { ...rollout.totals.stable } },
    steps: rollout.stepResults.map(stepView),
    gate: rollout.lastVerdict === null ? null : gateView(inFull(rollout.lastVerdict, rollout.gate)),
    alert:
      alert === null
        ? null
        : { severity: 'warning', since: timeText(alert.sinceMs), sentence: alert.sentence },
    cause:
      phase.kind === 'rolled-back' || phase.kind === 'reverting' ? causeView(phase.cause) : null,
    ...shadowView(rollout),
    startedAt: timeText(rollout.startedAtMs),
    startedBy: { ...rollout.startedBy },
    endedAt: isFinal(phase) && 'atMs' in phase ? timeText(phase.atMs) : null,
    sentence: describeService(state, atMs),
  };
}

function shadowView({ shadow }: Rollout): Pick<RolloutView, 'shadow'> {
  if (shadow === undefined) return {};
  const { requests, failures, dropped } = shadow;
  return { shadow: { requests, failures, dropped, p95Ms: shadowP95Ms(shadow) } };
}

function stepView(step: StepResult): RolloutView['steps'][number] {
  const { sinceMs, untilMs, totals, ...same } = step;
  return {
    ...same,
    totals: { candidate: { ...totals.candidate }, stable: { ...totals.stable } },
    since: timeText(sinceMs),
    until: timeText(untilMs),
  };
}

function gateView({ kind, explanation }: Verdict): NonNullable<RolloutView['gate']> {
  const { candidate, stable, against, againstLimit, forLimit, marginRatio, heldBy, sentence } =
    explanation;
  const { metric, p95, difference, metrics = [], beforeAfter = null, setAside } = explanation;
  return {
    verdict: kind,
    candidate: { ...candidate },
    stable: { ...stable },
    against,
    againstLimit,
    for: explanation.for,
    forLimit,
    marginRatio,
    metric,
    p95: p95 === null ? null : { ...p95 },
    difference: { ...difference },
    heldBy,
    metrics: metrics.map((each) => ({
      ...each,
      candidate: { ...each.candidate },
      stable: each.stable === null ? null : { ...each.stable },
      interval: each.interval === null ? null : { ...each.interval },
    })),
    beforeAfter:
      beforeAfter === null
        ? null
        : { ...beforeAfter, before: { ...beforeAfter.before }, after: { ...beforeAfter.after } },
    ...(setAside === undefined
      ? {}
      : {
          setAside: {
            retry: setAside.retry,
            sameClient: setAside['same-client'],
            tooManyClients: setAside['too-many-clients'],
          },
        }),
    sentence,
  };
}

function causeView(cause: Cause): NonNullable<RolloutView['cause']> {
  return { kind: cause.kind, sentence: cause.sentence, at: timeText(cause.atMs) };
}

export function revisionView(revision: Revision): RevisionView {
  const { id, service, version, command, instances } = revision;
  return { id, service, version, command: [...command], instances };
}
