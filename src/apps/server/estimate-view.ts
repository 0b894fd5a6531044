import type { EstimateResponse } from '../../api/wire.ts';
import { type DetectionEstimate, estimateRollout } from '../../domain/gate/estimate.ts';
import { countText, percentText, secondsText } from '../../domain/release/sentence.ts';
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
  if (failedRequests === null || detectedMs === null) {
    return `a candidate that ${name}: cannot be told from stable`;
  }
  return `a candidate that ${name}: thrown back after about ${secondsText(detectedMs)} and ${countText(failedRequests)} failed requests at the first step`;
}
