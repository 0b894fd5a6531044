import type {
  DetectionEstimate,
  Flow,
  SlowerEstimate,
} from '../../../domain/gate/estimate-detections.ts';
import { detectionsAlone, slowerAt } from '../../../domain/gate/estimate-detections.ts';
import type { RolloutEstimate, StepEstimate } from '../../../domain/gate/estimate.ts';
import { requestsToRollBack, sharesIn } from '../../../domain/gate/expected-requests.ts';
import type { GateState } from '../../../domain/gate/gate.ts';
import {
  countText,
  percentText,
  secondsText,
} from '../../../domain/release/wording/amount-text.ts';
import { extensionsMax } from '../../../domain/release/wording/limit-text.ts';
import type { Plan } from '../../../domain/release/revision.ts';
import { isJudgedAnywhere } from '../../../domain/release/start.ts';

/** What is told of one place of a rollout: how soon each fault would be noticed, and what nobody can know. */
export function faultSentences(
  detections: readonly DetectionEstimate[],
  more: {
    readonly flow: Flow;
    readonly weightPercent: number;
    /** Stable's counts on the gate's scale; null: not known. */
    readonly latency: readonly number[] | null;
    /** `at the first step`. */
    readonly where: string;
  },
): readonly string[] {
  const { flow, weightPercent, latency, where } = more;
  return [
    ...windowSentences(flow),
    ...detections.map((each) => detectionText(each, where)),
    ...slowerSentences(flow, weightPercent / 100, latency),
  ];
}

/** How many clients there are is known once they came, not before. */
export function voteSentences({ gate: { oneVotePer } }: Plan): readonly string[] {
  if (oneVotePer === undefined) return [];
  const window = secondsText(oneVotePer.windowMs);
  return [
    `one vote per client in ${window}: how many clients there are is not known, so times are for requests each of another client, and longer where they come again`,
  ];
}

/** When all traffic is there, and what the plan does where that takes longer than it allows. */
export function totalSentences(
  plan: Plan,
  { steps, totalMs }: Pick<RolloutEstimate, 'steps' | 'totalMs'>,
  words: { readonly when: 'after' | 'in'; readonly bakeMs: number; readonly people: string },
): readonly string[] {
  const late = steps.find(({ kind }) => kind === 'infeasible');
  if (totalMs === null) {
    return [
      'no time to 100 % can be promised',
      ...(late === undefined ? [] : [lateText(plan, late)]),
    ];
  }
  const time = totalMs === 0 ? 'at once' : `${words.when} about ${secondsText(totalMs)}`;
  const bake = `${words.people}, then ${secondsText(words.bakeMs)} of bake`;
  if (late === undefined) return [`100 % ${time}${bake}`];
  return [lateText(plan, late), `were there no time limit: 100 % ${time}${bake}`];
}

function lateText({ gate }: Plan, { weightPercent }: StepEstimate): string {
  const choice = gate.onTimeLimit ?? 'hold';
  const then = {
    hold: 'waits for a person',
    extend: `is judged for as long again, ${extensionsMax} times at most, then waits for a person`,
    widen:
      'gives way to the next share below 100 % where hardly anything speaks against the candidate, else waits for a person',
    'roll-back': 'ends the rollout: the candidate goes back',
  }[choice];
  const limit = `without a verdict after ${secondsText(gate.atMostMs)}`;
  return `${limit} the step at ${percentText(weightPercent)} ${then} (gate.onTimeLimit: ${choice})`;
}

export function detectionText(detection: DetectionEstimate, where: string): string {
  const { name, failedRequests, detectedMs } = detection;
  const who = `a candidate that ${faultText(name)}`;
  if (failedRequests === null || detectedMs === null) {
    return `${who}: cannot be told from stable in any time that could be promised`;
  }
  return `${who}: thrown back after about ${secondsText(detectedMs)} and ${countText(failedRequests)} failed requests ${where}`;
}

/** `5x` and `+5 pp` as people say them. */
function faultText(name: string): string {
  if (name.endsWith('x')) return `fails ${name.slice(0, -1)} times as often as stable`;
  if (name.startsWith('+')) return `fails ${name.slice(1)} more often than stable`;
  return name;
}

function slowerSentences(
  flow: Flow,
  shareRatio: number,
  latency: readonly number[] | null,
): readonly string[] {
  const { gate } = flow.plan;
  if (gate.latency === 'off') return [];
  if ((gate.incidentMs ?? 0) > 0) {
    return ['a slower candidate: by windows of incidents there is no time that could be promised'];
  }
  if (latency === null) {
    return [
      'a slower candidate: how soon it shows depends on how stable answers, of which nothing is known yet',
    ];
  }
  return slowerAt(shareRatio, flow, latency).map(slowerText);
}

function slowerText({ name, detectedMs, candidateRequests }: SlowerEstimate): string {
  const who = `a candidate that is ${name}`;
  if (detectedMs === null || candidateRequests === null) {
    return `${who}: within the tolerance, or cannot be told from stable`;
  }
  return `${who}: thrown back after about ${secondsText(detectedMs)} and ${countText(candidateRequests)} of its requests`;
}

function windowSentences({ plan, instances }: Flow): readonly string[] {
  const { incidentMs = 0 } = plan.gate;
  if (incidentMs === 0) return [];
  const windows = `judged by instance and windows of ${secondsText(incidentMs)}, so a fault takes 2 windows (${secondsText(2 * incidentMs)}) at least`;
  return [
    instances === null
      ? `${windows}; how many cannot be told, as the instances are not known`
      : windows,
  ];
}

/** At 100 % there is no stable beside it; null: somebody else has to say what is watched. */
export function bakeSentences(
  flow: Pick<Flow, 'requestsPerSecond' | 'baseErrorRatio' | 'plan'>,
  leftMs: number,
): readonly string[] {
  const { plan, baseErrorRatio } = flow;
  if (leftMs <= 0) {
    if (isJudgedAnywhere(plan)) return [];
    return [
      'nothing is judged: the plan has no gated step below 100 % and no bake; add a step such as 10 %, or a bake with objectives',
    ];
  }
  const declared = plan.objectives.flatMap((each) =>
    each.kind === 'success' ? [1 - each.ratioMin] : [],
  );
  const promised = declared.length === 0 ? undeclaredRatio : Math.min(...declared);
  const allowedRatio = Math.max(promised, baseErrorRatio + plan.gate.worseByRatio);
  const latencies = plan.objectives.filter(({ kind }) => kind === 'latency').length;
  const alone = { allowedRatio, promiseCount: 1 + latencies };
  const [worst, ...others] = detectionsAlone(flow, alone)
    .filter(({ detectedMs }) => detectedMs !== null && detectedMs <= leftMs)
    .map((each) => detectionText(each, 'at 100 %'));
  const missing =
    plan.objectives.length === 0
      ? '; the file declares no objective, so nothing else is: add objectives'
      : '';
  const watched = `at 100 % there is no stable beside it: watched is that at most ${percentText(100 * allowedRatio)} fail${missing}`;
  return [watched, ...(worst === undefined ? [] : [worst]), ...others.slice(0, 2)];
}

/** What the bake watches where no objective is declared (objective-evidence.ts). */
const undeclaredRatio = 0.01;

/** Of what services bring themselves nothing is known before it was seen. */
export function customSentences(
  plan: Plan,
  seen: { readonly gate: GateState; readonly shareRatio: number; readonly atMs: number } | null,
): readonly string[] {
  return (plan.gate.metrics ?? []).map(({ name, kind, weight }) => {
    const account = seen?.gate.accounts?.find(({ metric }) => metric === name);
    if (seen === null || account === undefined || account.stable.requests < eventsMin) {
      return `metric ${name}: how soon it shows depends on its own events, of which nothing is known yet`;
    }
    const { gate, shareRatio, atMs } = seen;
    const seconds = Math.max(1, (atMs - gate.openedAtMs) / 1000);
    const perSecond = (account.stable.requests + account.candidate.requests) / seconds;
    const stableRatio = account.stable.failures / account.stable.requests;
    const budgetShareRatio = weight * sharesIn(plan.gate).perWeight;
    const rates = { shareRatio, stableRatio, candidateRatio: Math.min(1, 2 * stableRatio) };
    const events = requestsToRollBack(rates, plan.gate, { budgetShareRatio });
    const what = kind === 'ratio' ? 'bad' : 'slow';
    const base = `metric ${name} (${percentText(100 * stableRatio)} of ${countText(perSecond)} events/s ${what})`;
    if (!Number.isFinite(events)) return `${base}: twice as many cannot be told from stable`;
    return `${base}: twice as many show after about ${secondsText((1000 * events) / perSecond)}`;
  });
}

const eventsMin = 100;
