import type { EstimateItem } from '../../../api/estimate-wire.ts';
import { referenceOf } from '../../../domain/gate/before-after.ts';
import {
  estimateRollout,
  type RolloutEstimate,
  type RolloutPlace,
} from '../../../domain/gate/estimate.ts';
import { knowledgeOf, openingKnowledge } from '../../../domain/gate/estimate-knowledge.ts';
import {
  countText,
  percentText,
  rateText,
  secondsText,
} from '../../../domain/release/wording/amount-text.ts';
import type { Rollout } from '../../../domain/release/service-state.ts';
import {
  bakeSentences,
  customSentences,
  faultSentences,
  totalSentences,
} from './estimate-sentences.ts';
import {
  baseErrorRatioAssumed,
  changeSentences,
  estimateData,
  type KnownTraffic,
} from './estimate-view.ts';

/** What a rollout under way still takes, from what its gate has gathered. */
export function ongoingEstimate(rollout: Rollout, known: KnownTraffic, atMs: number): EstimateItem {
  const base = baseOf(rollout, known);
  const { requestsPerSecond } = known;
  const service = rollout.candidate.service;
  const item = { service, rolloutId: rollout.id, requestsPerSecond, baseErrorRatio: base.ratio };
  const opening = [placeText(rollout), ...pauseSentences(rollout), ...parkSentences(rollout)];
  const none = { totalMs: null, steps: [], detections: [] };
  if (rollout.phase.kind === 'reverting') {
    return {
      ...item,
      ...none,
      sentences: [...opening, 'it is going back: nothing is left to pass'],
    };
  }
  if (requestsPerSecond === null) {
    const silent = `no request of ${service} was seen in the last minute: without traffic there is no evidence, and no time can be promised`;
    return { ...item, ...none, sentences: [...opening, silent] };
  }
  const { plan } = rollout;
  const place = placeOf(rollout, atMs);
  const instances =
    rollout.stable === null
      ? null
      : { candidate: rollout.candidate.instances, stable: rollout.stable.instances };
  const evidence = evidenceOf(rollout, requestsPerSecond);
  const input = { ...evidence.flow, baseErrorRatio: base.ratio, plan, instances };
  const flow = { ...input, knowledge: place.knowledge };
  const estimate = estimateRollout({ ...input, from: place });
  const weightPercent = plan.steps[place.stepIndex]?.weightPercent ?? 100;
  const gate = { gate: rollout.gate, shareRatio: weightPercent / 100, atMs };
  const [now] = estimate.steps;
  const isCompared = now !== undefined && now.weightPercent === weightPercent;
  const { phase } = rollout;
  const bakeLeftMs = phase.kind === 'baking' ? Math.max(0, phase.untilMs - atMs) : plan.bakeMs;
  return {
    ...item,
    sentences: [
      ...opening,
      `at ${countText(requestsPerSecond)} requests/s with ${base.text}`,
      ...evidence.sentences,
      ...changeSentences(known.change),
      ...estimate.steps.map(({ kind, sentence }) =>
        kind === 'feasible' ? `still ${sentence}` : sentence,
      ),
      ...wayLeft(rollout, place, { estimate, bakeLeftMs }),
      ...(isCompared
        ? faultSentences(now.detections, {
            flow,
            weightPercent,
            latency: latencyOf(rollout),
            where: `more at ${percentText(weightPercent)}, were it so from now on`,
          })
        : []),
      ...(isCompared ? customSentences(plan, gate) : []),
      ...(weightPercent >= 100 ? bakeSentences(flow, bakeLeftMs) : []),
    ],
    totalMs: estimate.totalMs,
    ...estimateData(estimate),
  };
}

/** What is set aside flows, and shows nothing: times are those of the rest. */
function evidenceOf(
  { gate: { setAside, totals } }: Rollout,
  requestsPerSecond: number,
): {
  readonly flow: { readonly requestsPerSecond: number };
  readonly sentences: readonly string[];
} {
  const aside =
    setAside === undefined
      ? 0
      : setAside.retry + setAside['same-client'] + setAside['too-many-clients'];
  if (aside === 0) return { flow: { requestsPerSecond }, sentences: [] };
  const counted = totals.candidate.requests + totals.stable.requests;
  const perSecond = (requestsPerSecond * counted) / (counted + aside);
  const sentence = `of them only about ${rateText(perSecond)} are evidence: ${countText(aside)} of ${countText(counted + aside)} were retries or of clients that had their vote`;
  return { flow: { requestsPerSecond: perSecond }, sentences: [sentence] };
}

interface Base {
  readonly ratio: number;
  readonly text: string;
}

/** Stable's own requests in this rollout and before it; else what the gateway saw lately; else an assumption, and said so. */
function baseOf({ gate }: Rollout, known: KnownTraffic): Base {
  const reference = gate.beforeAfter === undefined ? null : referenceOf(gate.beforeAfter);
  const count = reference?.count ?? gate.totals.stable;
  const { requests, failures } = count;
  if (requests >= baseRequestsMin) {
    const of = `${countText(failures)} of ${countText(requests)} failing at stable`;
    const ratio = Math.min(0.999, (failures + 0.5) / (requests + 1));
    if (failures > 0) return { ratio, text: of };
    // The rule of three: with a chance of 95 % less than 3 / n.
    return { ratio, text: `${of}, so less than ${percentText(300 / requests)} (95 %)` };
  }
  const measured = known.baseErrorRatio;
  const ratio = Math.min(0.999, measured ?? baseErrorRatioAssumed);
  const source =
    measured === null
      ? `assumed, as stable had ${countText(requests)} requests only: times may be quite different`
      : 'of all its requests in the last minute, as stable had too few by itself';
  return { ratio, text: `${percentText(100 * ratio)} failing (${source})` };
}

const baseRequestsMin = 200;

function latencyOf({ gate }: Rollout): readonly number[] | null {
  const reference = gate.beforeAfter === undefined ? null : referenceOf(gate.beforeAfter);
  const latency = reference?.latency ?? null;
  return latency === null || latency.every((count) => count === 0) ? null : latency;
}

function placeOf(rollout: Rollout, atMs: number): RolloutPlace {
  const { phase, plan, gate } = rollout;
  const knowledge =
    gate.candidateSinceMs === null ? openingKnowledge(plan.gate) : knowledgeOf(gate);
  const place = { stepAgeMs: 0, isGatePassed: false, waitLeftMs: 0, knowledge };
  switch (phase.kind) {
    case 'starting':
    case 'rolling':
    case 'reverting':
      return { ...place, stepIndex: 0 };
    // After a parking the step begins anew.
    case 'parked':
    case 'shifting':
      return { ...place, stepIndex: phase.stepIndex };
    case 'judging':
      return { ...place, stepIndex: phase.stepIndex, stepAgeMs: atMs - phase.sinceMs };
    case 'waiting': {
      const waitLeftMs = phase.untilMs === null ? 0 : Math.max(0, phase.untilMs - atMs);
      const stepAgeMs = atMs - phase.stepSinceMs;
      return { ...place, stepIndex: phase.stepIndex, stepAgeMs, isGatePassed: true, waitLeftMs };
    }
    case 'baking':
    case 'promoted':
    case 'rolled-back':
      return { ...place, stepIndex: plan.steps.length - 1 };
  }
}

function placeText({ id, phase, plan }: Rollout): string {
  if (!('stepIndex' in phase)) return `${id} is ${phase.kind}`;
  const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
  return `${id} is at step ${phase.stepIndex + 1} of ${plan.steps.length} (${weight}), ${phase.kind}`;
}

function pauseSentences({ paused }: Rollout): readonly string[] {
  return paused === null
    ? []
    : [`paused by ${paused.by.who}: nothing goes forward until it is resumed, whatever is shown`];
}

/** The times below are those of a healthy candidate; of a parked one that is just what is in question. */
function parkSentences({ phase }: Rollout): readonly string[] {
  return phase.kind !== 'parked'
    ? []
    : [
        phase.isHeld
          ? 'parked too often: nothing goes forward until a person promotes or aborts'
          : 'parked, as much of it failed: the step begins anew if its probes go well, and the times are for that case',
      ];
}

function wayLeft(
  { plan, phase }: Rollout,
  { stepIndex }: RolloutPlace,
  left: { readonly estimate: RolloutEstimate; readonly bakeLeftMs: number },
): readonly string[] {
  if (phase.kind === 'baking') return [`baking for another ${secondsText(left.bakeLeftMs)}`];
  const approvals = plan.steps
    .filter(({ wait }, index) => index >= stepIndex && wait.kind === 'approval')
    .map(({ weightPercent }) => percentText(weightPercent));
  const people =
    approvals.length === 0 ? '' : `, not counting how long people take (${approvals.join(', ')})`;
  const { bakeLeftMs: bakeMs, estimate } = left;
  return totalSentences(plan, estimate, { when: 'in', bakeMs, people });
}
