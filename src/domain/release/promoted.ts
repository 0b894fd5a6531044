import type { Verdict } from '../gate/gate.ts';
import type { Effect } from './effect.ts';
import type { Hand } from './event.ts';
import { keptWith } from './flag-turns.ts';
import { order } from './order.ts';
import { handText, nameOf, sharesText } from './wording/sentence.ts';
import {
  type Decision,
  measuredSharePercent,
  type Rollout,
  type RolloutSummary,
  rolloutHistoryMax,
  type ServiceState,
  stableHistoryMax,
} from './service-state.ts';

/** Ends a rollout well: the candidate is stable now, the old revision stops. */
export function promoted(
  state: ServiceState,
  rollout: Rollout,
  moment: { readonly atMs: number; readonly verdict: Verdict | null; readonly by?: Hand },
): Decision {
  const { atMs } = moment;
  const { candidate, stable } = rollout;
  const stables = [...state.stables.filter((each) => each.id !== candidate.id), candidate].slice(
    -stableHistoryMax,
  );
  const done: Rollout = {
    ...rollout,
    paused: null,
    phase: { kind: 'promoted', atMs },
    stepResults: [...rollout.stepResults, lastStep(rollout, atMs)],
  };
  return order(
    {
      ...state,
      rollout: done,
      stables,
      ...keptWith(state, rollout, stables),
      history: withSummary(state, done, atMs),
    },
    {
      atMs,
      type: 'decision',
      decision: 'promoted',
      ...(moment.by === undefined ? {} : { by: moment.by }),
      verdict: moment.verdict,
      sentence: `${nameOf(candidate)} is stable now${moment.by === undefined ? '' : `, promoted by ${handText(moment.by)}`}: ${sharesText(rollout.totals)}`,
      effects: (key): Effect[] =>
        stable === null ? [] : [{ kind: 'stop-instances', key: `${key}/stop`, revision: stable }],
    },
  );
}

/** The history with this final rollout at its end. */
export function withSummary(
  state: ServiceState,
  rollout: Rollout,
  endedAtMs: number,
): readonly RolloutSummary[] {
  const { phase } = rollout;
  const summary: RolloutSummary = {
    id: rollout.id,
    kind: rollout.kind,
    fromRevisionId: rollout.stable?.id ?? null,
    toRevisionId: rollout.candidate.id,
    toVersion: rollout.candidate.version,
    outcome: phase.kind === 'promoted' ? 'promoted' : 'rolled-back',
    cause: phase.kind === 'rolled-back' ? phase.cause : null,
    startedAtMs: rollout.startedAtMs,
    endedAtMs,
    startedBy: rollout.startedBy,
    totals: rollout.totals,
  };
  return [...state.history, summary].slice(-rolloutHistoryMax);
}

function lastStep(rollout: Rollout, untilMs: number): Rollout['stepResults'][number] {
  const { phase } = rollout;
  return {
    weightPercent: 100,
    measuredSharePercent: measuredSharePercent(rollout.stepTotals),
    totals: rollout.stepTotals,
    sinceMs: 'sinceMs' in phase ? phase.sinceMs : untilMs,
    untilMs,
    sentence: rollout.lastVerdict?.explanation.sentence ?? '',
  };
}
