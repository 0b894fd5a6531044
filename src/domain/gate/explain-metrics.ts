import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import {
  beforeAfterWarnsAt,
  type BeforeAfterMode,
  type BeforeAfterTest,
  leadingTest,
  modeOf,
  rollsBackAt,
  slowLimitMs,
} from './before-after.ts';
import { differenceBounds } from './difference-interval.ts';
import { type GateState, type MetricEvidence, partsOf } from './gate-state.ts';
import { type MetricAccount, openAccounts, slowFromMs } from './metric-account.ts';
import type { ObjectiveEvidence } from './objective-evidence.ts';
import { logEvidence } from './onset-mixture.ts';
import type { Verdict } from './verdict.ts';
import {
  countText,
  durationText,
  evidenceText,
  failedText,
  marginText,
  millisecondsText,
  percentText,
} from './wording.ts';

/** One metric of the gate, in numbers and in words. */
export interface MetricExplanation {
  /** `errors`, `latency`, a custom metric, or the name of an objective. */
  readonly metric: string;
  readonly kind: 'ratio' | 'histogram' | 'objective';
  /** Of a histogram `failures` are the slow ones, slower than `slowFromMs`; an objective counts at 100 % only. */
  readonly candidate: ArmCount;
  /** Null: there is no other arm. */
  readonly stable: ArmCount | null;
  /** Null: not a histogram, or too little was seen to set it. */
  readonly slowFromMs: number | null;
  /** Candidate's ratio less stable's, with a chance of 95 % at all times together; null: not compared. */
  readonly interval: { readonly lowRatio: number; readonly highRatio: number } | null;
  /** That the candidate is worse in this metric. Starts at 1. */
  readonly evidence: number;
  /** At which this metric by itself rolls back. */
  readonly limit: number;
  /** This metric's part of the false rollbacks allowed, in [0, 1]; all sum to 1. */
  readonly budgetShareRatio: number;
  /** How much of the way to a rollback this metric has brought, in [0, 1]. */
  readonly budgetUsedRatio: number;
  /** Why it was not known, wholly or of some instances, when it was last asked for; null: it was. */
  readonly trouble: string | null;
  readonly sentence: string;
}

/** With every metric, for what is recorded or shown: it takes several times as long as the verdict, which is asked for at each tick. */
export function inFull({ kind, explanation }: Verdict, state: GateState): Verdict {
  return { kind, explanation: { ...explanation, metrics: explainMetrics(state) } };
}

/** Every metric that the verdict rests on, in the order of the parts. */
export function explainMetrics(state: GateState): readonly MetricExplanation[] {
  return partsOf(state).map((part, index) => {
    if (index === 0) return explainErrors(state, part);
    // By its place: an objective may be called `latency`, as the comparison of latencies is.
    const promise = state.promises[index - 1];
    if (promise !== undefined) return explainObjective(state, promise, part);
    const account = state.accounts?.find(({ metric }) => metric === part.metric);
    return explainAccount(state, account ?? noAccount(part.metric), part);
  });
}

type Spent = Pick<MetricExplanation, 'evidence' | 'limit' | 'budgetShareRatio' | 'budgetUsedRatio'>;

function spent({ settings }: GateState, { share, evidence }: MetricEvidence): Spent {
  const alpha = settings.falseRollbackRatio;
  return {
    evidence: Math.min(evidence, 1e300),
    limit: 1 / (alpha * share),
    budgetShareRatio: share,
    budgetUsedRatio: Math.min(1, alpha * share * evidence),
  };
}

function spentText({ evidence, limit, budgetShareRatio }: Spent): string {
  const part = Number((100 * budgetShareRatio).toPrecision(2));
  return `evidence ${evidenceText(evidence)} of ${evidenceText(limit)} by itself (${part} % of the budget)`;
}

function explainErrors(state: GateState, part: MetricEvidence): MetricExplanation {
  const { candidate, stable } = state.totals;
  const interval = differenceBounds(state.difference);
  const own = spent(state, part);
  const both = `${failedText(candidate, 'failed')}, stable ${failedText(stable, '')}`;
  return {
    metric: part.metric,
    kind: 'ratio',
    candidate,
    stable,
    slowFromMs: null,
    interval,
    ...own,
    trouble: null,
    sentence: `${both}; ${intervalText(interval)}; ${spentText(own)}`,
  };
}

/** Of a state of an older version: the evidence is known, the counts are not. */
function noAccount(metric: string): MetricAccount {
  const [account] = openAccounts([{ name: metric, kind: 'ratio' }], false, 0);
  if (account === undefined) throw new Error(`no account of ${metric}`);
  return account;
}

function explainAccount(
  state: GateState,
  account: MetricAccount,
  part: MetricEvidence,
): MetricExplanation {
  const { metric, kind, candidate, stable } = account;
  const limitMs = slowFromMs(account);
  const isCounted = candidate.requests > 0 && stable.requests > 0;
  const interval = isCounted ? differenceBounds(account.interval) : null;
  const own = spent(state, part);
  const words = limitMs === null ? 'bad' : `slower than ${millisecondsText(limitMs)}`;
  const both =
    kind === 'histogram' && limitMs === null
      ? 'too few latencies of stable yet'
      : `${failedText(candidate, words)}, stable ${failedText(stable, '')}`;
  const within = interval === null ? 'not compared yet' : intervalText(interval);
  return {
    metric,
    kind,
    candidate,
    stable,
    slowFromMs: limitMs,
    interval,
    ...own,
    trouble: state.custom.find(({ spec }) => spec.name === metric)?.trouble?.sentence ?? null,
    sentence: `${both}; ${within}; ${spentText(own)}`,
  };
}

function explainObjective(
  state: GateState,
  promise: ObjectiveEvidence,
  part: MetricEvidence,
): MetricExplanation {
  const own = spent(state, part);
  const count = promise.bake?.count ?? { requests: 0, failures: 0 };
  const limitMs = promise.signal.kind === 'latency' ? promise.signal.limitMs : null;
  const what = limitMs === null ? 'failed' : `slower than ${millisecondsText(limitMs)}`;
  const allowedRatio = promise.bake?.allowedRatio ?? promise.allowedRatio;
  const seen =
    count.requests === 0
      ? 'judged at 100 % only'
      : `${failedText(count, what)} at 100 %, ${percentText(allowedRatio)} allowed`;
  const kept = keptText(promise, state);
  return {
    metric: part.metric,
    kind: 'objective',
    candidate: count,
    stable: null,
    slowFromMs: limitMs,
    interval: null,
    ...own,
    trouble: null,
    sentence: `${seen}${kept}; ${spentText(own)}`,
  };
}

/** The mirrored test: whether the objective is shown to be kept. */
function keptText({ bake }: ObjectiveEvidence, { settings }: GateState): string {
  if (bake?.kept === undefined) return '';
  const evidence = evidenceText(Math.exp(logEvidence(bake.kept)));
  return `; kept: evidence ${evidence} of ${evidenceText(1 / settings.falsePromotionRatio)}`;
}

function intervalText({ lowRatio, highRatio }: { lowRatio: number; highRatio: number }): string {
  if (lowRatio === -1 && highRatio === 1) return 'the difference is not known yet';
  return `difference ${marginText(lowRatio)} to ${marginText(highRatio)} (95 %, at all times)`;
}

/** The candidate at 100 % against stable before the switch. */
export interface BeforeAfterExplanation {
  /** Always: the two arms were not there at the same time. */
  readonly strength: 'weaker';
  readonly mode: BeforeAfterMode;
  readonly metric: 'errors' | 'latency';
  /** Of latency: bad is slower than `slowFromMs`. */
  readonly before: ArmCount;
  readonly beforeMs: number;
  readonly after: ArmCount;
  readonly slowFromMs: number | null;
  /** Upper bound of what stable did, and the margin. */
  readonly allowedRatio: number;
  readonly evidence: number;
  readonly warnLimit: number;
  /** Where the file asks for it. */
  readonly rollBackLimit: number;
  readonly isWarning: boolean;
  readonly sentence: string;
}

/** Null: nothing was seen of stable before, nothing after, or it is off. */
export function explainBeforeAfter(state: GateState): BeforeAfterExplanation | null {
  const { beforeAfter, settings } = state;
  const mode = modeOf(settings);
  const test = beforeAfter === undefined ? null : leadingTest(beforeAfter);
  if (test === null || mode === 'off' || test.after.requests === 0) return null;
  const evidence = Math.exp(Math.min(700, logEvidence(test.mixture)));
  const { metric, before, beforeMs, after, allowedRatio } = test;
  return {
    strength: 'weaker',
    mode,
    metric,
    before,
    beforeMs,
    after,
    slowFromMs: slowLimitMs(test),
    allowedRatio,
    evidence,
    warnLimit: beforeAfterWarnsAt,
    rollBackLimit: rollsBackAt(settings),
    isWarning: evidence >= beforeAfterWarnsAt,
    sentence: `${beforeAfterText(test)}: evidence ${evidenceText(evidence)} of ${beforeAfterWarnsAt}; compared with stable before the switch, not beside it: a change of the world in between looks like the version`,
  };
}

function beforeAfterText(test: BeforeAfterTest): string {
  const limitMs = slowLimitMs(test);
  const what = limitMs === null ? 'failed' : `were slower than ${millisecondsText(limitMs)}`;
  const { before, after, beforeMs, allowedRatio } = test;
  const ratio = (count: ArmCount): string =>
    percentText(count.requests === 0 ? 0 : count.failures / count.requests);
  const then = `stable's ${ratio(before)} of ${countText(before.requests)} in ${durationText(beforeMs)} before`;
  return `${ratio(after)} of ${countText(after.requests)} ${what} after the switch, ${then}, ${percentText(allowedRatio)} allowed`;
}

/** Whether the comparison has gone so far that it rolls back, where the file asks for that. */
export function failsByBefore({ beforeAfter, settings }: GateState): BeforeAfterTest | null {
  if (modeOf(settings) !== 'roll-back') return null;
  const limit = Math.log(rollsBackAt(settings));
  return beforeAfter?.tests?.find(({ peakLog }) => peakLog >= limit) ?? null;
}

/** What nobody has declared and nothing can show; null: something is judged. */
export function nothingJudgedText(state: GateState): string | null {
  const isCompared = state.errors.comparedAtMs !== null || state.latency.comparedAtMs !== null;
  const isDeclared = state.promises.some(
    ({ signal }) => signal.kind !== 'success' || signal.isDeclared,
  );
  if (isCompared || isDeclared) return null;
  return 'nothing else can be judged, as the file declares no objective and stable had no traffic beside it: add objectives, or a step below 100 %';
}
