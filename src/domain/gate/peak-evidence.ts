import { baseRatioAt } from './base-rate.ts';
import { type GateState, leadingPart, logAgainst, partsOf } from './gate-state.ts';
import { openIncidentLanes } from './incident-lanes.ts';
import { openRatioMetric } from './ratio-metric.ts';
import { loneCulprit } from './suspect.ts';

/**
 * Notes the highest evidence so far. Where the limit is reached by errors of one instance alone, and the file gives it time to be
 * replaced, the evidence begins anew instead (suspect.ts).
 */
export function withPeak(before: GateState, state: GateState): GateState {
  // Between blocks no evidence is new.
  if (isSameEvidence(before, state)) return state;
  const now = logAgainst(state);
  if (now <= state.peakLogAgainst) return state;
  const peaked = {
    ...state,
    peakLogAgainst: now,
    peakMetric: leadingPart(partsOf(state)).metric,
  };
  const { replaceWithinMs = 0, falseRollbackRatio } = state.settings;
  const isOver = now >= -Math.log(falseRollbackRatio);
  const mayWait = replaceWithinMs > 0 && state.suspect === null && state.hasControl;
  if (!isOver || !mayWait || peaked.peakMetric !== 'errors') return peaked;
  const { lastAtMs, plannedMs, settings } = state;
  const instanceId = loneCulprit(state.instances, baseRatioAt(state.errors.base, lastAtMs));
  if (instanceId === null) return peaked;
  return {
    ...peaked,
    suspect: { instanceId, sinceMs: lastAtMs, seenAtMs: lastAtMs },
    errors: openRatioMetric(settings, lastAtMs, plannedMs),
    incidents:
      state.incidents === null
        ? null
        : openIncidentLanes(settings.incidentMs ?? 0, lastAtMs, plannedMs),
    peakLogAgainst: 0,
  };
}

function isSameEvidence(before: GateState, state: GateState): boolean {
  return (
    before.errors.worse === state.errors.worse &&
    before.latency.slower === state.latency.slower &&
    before.incidents === state.incidents &&
    before.custom === state.custom &&
    state.hasControl
  );
}
