import { formatDuration } from '../../../api/release-file/duration.ts';
import type { GateSettings, Objective } from '../../../domain/release/revision.ts';

/** The settings of a gate as a release file writes them; what is not set is left out. */
export function gateWords(gate: GateSettings): Record<string, string> {
  const { strata = [], oneVotePer, metrics = [], slowerByRatio } = gate;
  return {
    falseRollback: percent(gate.falseRollbackRatio),
    falsePromotion: percent(gate.falsePromotionRatio),
    worseBy: `${figure(100 * gate.worseByRatio)}pp`,
    soak: formatDuration(gate.soakMs),
    atMost: formatDuration(gate.atMostMs),
    ...(gate.latency === undefined ? {} : { latency: gate.latency }),
    ...(slowerByRatio === undefined ? {} : { slowerBy: percent(slowerByRatio) }),
    ...(gate.warmUpMs === undefined ? {} : { warmUp: formatDuration(gate.warmUpMs) }),
    ...(gate.incidentMs === undefined ? {} : { incident: formatDuration(gate.incidentMs) }),
    ...(gate.replaceWithinMs === undefined
      ? {}
      : { replaceWithin: formatDuration(gate.replaceWithinMs) }),
    ...(gate.onTimeLimit === undefined ? {} : { onTimeLimit: gate.onTimeLimit }),
    ...(gate.beforeAfter === undefined ? {} : { beforeAfter: gate.beforeAfter }),
    ...(strata.length === 0 ? {} : { strata: strata.map(({ name }) => name).join(', ') }),
    ...(oneVotePer === undefined ? {} : { oneVotePer: formatDuration(oneVotePer.windowMs) }),
    ...(metrics.length === 0 ? {} : { metrics: metrics.map(({ name }) => name).join(', ') }),
  };
}

/** `availability: success 99%`, `latency: p95 500ms`. */
export function objectiveWords(objective: Objective): string {
  return objective.kind === 'success'
    ? `${objective.name}: success ${percent(objective.ratioMin)}`
    : `${objective.name}: p${figure(100 * objective.quantile)} ${formatDuration(objective.limitMs)}`;
}

function percent(ratio: number): string {
  return `${figure(100 * ratio)}%`;
}

/** Without the traces of binary fractions. */
function figure(value: number): string {
  return String(Number(value.toPrecision(12)));
}
