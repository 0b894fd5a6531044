import type { SamplePoint } from '../../../api/rollout-wire.ts';
import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import type { JsonObject, JsonValue } from '../../../domain/evidence/canonical-json.ts';
import { inFull } from '../../../domain/gate/explain-metrics.ts';
import type { Verdict } from '../../../domain/gate/gate.ts';
import { candidateWeightPercent } from '../../../domain/release/order.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { timeText } from './time-text.ts';

/** What an entry says of how the gate stood; null: it says nothing of it. */
export function recordedPoint({ index, observedAtMs, data }: RecordedEntry): SamplePoint | null {
  if (!isObject(data) || !isObject(data['verdict'] ?? null)) return null;
  // As the decider of its time wrote it, in an entry that is signed.
  const verdict = data['verdict'] as unknown as Verdict;
  const weight = data['weightPercent'];
  return pointOf(verdict, {
    at: timeText(observedAtMs),
    entryIndex: index,
    weightPercent: typeof weight === 'number' ? weight : null,
  });
}

/** How it stands now; null: nothing was judged yet. */
export function livePoint(
  state: ServiceState,
  { lastVerdict, gate }: Rollout,
  atMs: number,
): SamplePoint | null {
  if (lastVerdict === null) return null;
  return pointOf(inFull(lastVerdict, gate), {
    at: timeText(atMs),
    entryIndex: null,
    weightPercent: candidateWeightPercent(state),
  });
}

function pointOf(
  { kind, explanation }: Verdict,
  place: Pick<SamplePoint, 'at' | 'entryIndex' | 'weightPercent'>,
): SamplePoint {
  const { against, againstLimit, forLimit, p95, metrics = [], sentence } = explanation;
  return {
    ...place,
    verdict: kind,
    against,
    againstLimit,
    for: explanation.for,
    forLimit,
    p95: p95 === null ? null : { ...p95 },
    metrics: metrics.map(({ metric, slowFromMs, evidence, limit, ...each }) => ({
      metric,
      kind: each.kind,
      candidate: { ...each.candidate },
      stable: each.stable === null ? null : { ...each.stable },
      slowFromMs,
      interval: each.interval === null ? null : { ...each.interval },
      evidence,
      limit,
    })),
    sentence,
  };
}

/** At most `max` (2 or more), evenly by their number; the first and the last stay. */
export function thinned<Point>(points: readonly Point[], max: number): Point[] {
  if (points.length <= max) return [...points];
  const step = (points.length - 1) / (max - 1);
  return Array.from({ length: max }, (_, index) => points[Math.round(index * step)]).filter(
    (point) => point !== undefined,
  );
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
