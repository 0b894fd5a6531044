import type { EstimateResponse } from '../../api/wire.ts';
import { type DetectionEstimate, estimateRollout } from '../../domain/gate/estimate.ts';
import { countText, percentText, secondsText } from '../../domain/release/amount-text.ts';
import type { ServiceSpec } from '../../domain/release/revision.ts';

/** Assumed failure ratio of stable when neither the caller nor the gateway knows one. */
const baseErrorRatioAssumed = 0.001;

/** The pre-flight of one service, ready to read. */
export function estimateView(
  spec: ServiceSpec,
  known: { readonly requestsPerSecond: number | null; readonly baseErrorRatio: number | null },
): EstimateResponse['items'][number] {
  const baseErrorRatio = Math.min(known.baseErrorRatio ?? baseErrorRatioAssumed, 0.999);
  const { requestsPerSecond } = known;
  if (requestsPerSecond === null) {
    const sentence = `nothing is known of the traffic of ${spec.name}: say it with --rps, or send some through the gateway first`;
    return {
      service: spec.name,
      requestsPerSecond,
      baseErrorRatio,
      sentences: [sentence],
      totalMs: null,
    };
  }
  const estimate = estimateRollout({ requestsPerSecond, baseErrorRatio, plan: spec.plan });
  const first = estimate.steps[0];
  const assumed = known.baseErrorRatio === null ? ' (assumed)' : '';
  return {
    service: spec.name,
    requestsPerSecond,
    baseErrorRatio,
    sentences: [
      `at ${countText(requestsPerSecond)} requests/s with ${percentText(100 * baseErrorRatio)} failing${assumed}`,
      ...estimate.steps.map((step) => step.sentence),
      estimate.totalMs === null
        ? 'no time to 100 % can be promised'
        : `100 % after about ${secondsText(estimate.totalMs)}, then ${secondsText(spec.plan.bakeMs)} of bake`,
      ...(first?.detections ?? []).map(detectionText),
    ],
    totalMs: estimate.totalMs,
  };
}

function detectionText(detection: DetectionEstimate): string {
  const { name, failedRequests, detectedMs } = detection;
  const who = `a candidate that ${faultText(name)}`;
  if (failedRequests === null || detectedMs === null) return `${who}: cannot be told from stable`;
  return `${who}: thrown back after about ${secondsText(detectedMs)} and ${countText(failedRequests)} failed requests at the first step`;
}

/** `5x` and `+5 pp` as people say them. */
function faultText(name: string): string {
  if (name.endsWith('x')) return `fails ${name.slice(0, -1)} times as often as stable`;
  if (name.startsWith('+')) return `fails ${name.slice(1)} more often than stable`;
  return name;
}
