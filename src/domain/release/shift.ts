import { closeBlock, type Verdict } from '../gate/gate.ts';
import { turnedText } from './flag-turns.ts';
import { order, splitTraffic, unchanged } from './order.ts';
import {
  type Decision,
  measuredSharePercent,
  noRequests,
  type ReleaseRecord,
  type Rollout,
  type ServiceState,
} from './service-state.ts';
import { stepSinceMs } from './step-verdict.ts';
import { withoutMissing } from './seeing/telemetry-watch.ts';

/** Orders the weight of a step. The only way to a higher weight; nobody comes here from a failed gate (R4). */
export function shiftTo(
  state: ServiceState,
  rollout: Rollout,
  to: {
    readonly stepIndex: number;
    readonly atMs: number;
    readonly sentence: string;
    readonly verdict: Verdict | null;
    readonly by?: Rollout['startedBy'];
    /** `override`: past approvals that were not given; when it is left out, by `by`. */
    readonly type?: Extract<ReleaseRecord['type'], 'override'>;
    /** `advance` when it is left out. */
    readonly decision?: Extract<ReleaseRecord['decision'], 'advance' | 'unpark' | 'widen'>;
  },
): Decision {
  const step = rollout.plan.steps[to.stepIndex];
  if (step === undefined) return unchanged(state);
  const traffic = splitTraffic(state, rollout, step, to.stepIndex);
  if (traffic === null) return unchanged(state);
  const left = leaveStep(rollout, to.atMs);
  const place = (key: string): ServiceState => ({
    ...state,
    rollout: {
      ...left,
      paused: null,
      phase: {
        kind: 'shifting',
        sinceMs: to.atMs,
        stepIndex: to.stepIndex,
        effectKey: `${key}/route`,
      },
    },
  });
  const key = `${state.name}/${state.recordCount + 1}`;
  return order(place(key), {
    atMs: to.atMs,
    type: to.type ?? (to.by === undefined ? 'decision' : 'operator-action'),
    decision: to.decision ?? 'advance',
    sentence: `${to.sentence}${turnedText(step)}`,
    verdict: to.verdict,
    ...(to.by === undefined ? {} : { by: to.by }),
    effects: (prefix) => [{ kind: 'set-traffic', key: `${prefix}/route`, traffic }],
  });
}

/** Closes the books of the step in force, if one is. Nothing that was counted until now is compared with what follows. */
export function leaveStep(rollout: Rollout, atMs: number): Rollout {
  const { phase } = rollout;
  const closed: Rollout = {
    ...withoutMissing(rollout),
    gate: closeBlock(rollout.gate),
    stepTotals: noRequests,
    isLimitRecorded: false,
    ...(rollout.extensionCount === undefined ? {} : { extensionCount: 0 }),
  };
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') return closed;
  const weightPercent = rollout.plan.steps[phase.stepIndex]?.weightPercent ?? 0;
  const result = {
    weightPercent,
    measuredSharePercent: measuredSharePercent(rollout.stepTotals),
    totals: rollout.stepTotals,
    sinceMs: stepSinceMs(phase, atMs),
    untilMs: atMs,
    sentence: rollout.lastVerdict?.explanation.sentence ?? '',
  };
  return { ...closed, stepResults: [...rollout.stepResults, result] };
}
