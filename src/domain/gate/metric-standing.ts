import { type SetAside, setAsides } from '../traffic/samples/traffic-sample.ts';
import type { ArmPair } from './arm-block.ts';
import type { CustomMetric, CustomObservation } from './custom-metrics.ts';
import { histogramTotal } from './latency-scale.ts';
import { faultHoldMs } from './telemetry-fault.ts';
import { countText } from './wording.ts';

/**
 * What people are told of custom metrics and of requests set aside, besides the evidence: how much was seen, and what was not
 * and why.
 */

/** Why a metric was not known, wholly or for some instances, when it was last asked for. */
export interface MetricTrouble {
  readonly atMs: number;
  readonly sentence: string;
  /** Of one arm nothing was known, so nothing was compared. */
  readonly isBlind: boolean;
}

/** Requests that are no evidence, by the reason; both arms together. */
export type SetAsideCounts = Readonly<Record<SetAside, number>>;

/** With what was seen, and with troubles of this look in place of those before. */
export function withStanding(
  metrics: readonly CustomMetric[],
  observations: readonly CustomObservation[],
  troubles: readonly (MetricTrouble & { readonly metric: string })[],
): readonly CustomMetric[] {
  return metrics.map((custom): CustomMetric => {
    const { name } = custom.spec;
    const observation = observations.find((each) => each.name === name);
    const trouble = troubles.find((each) => each.metric === name);
    return {
      ...custom,
      seen: plusSeen(custom.seen, observation),
      trouble:
        trouble === undefined
          ? null
          : { atMs: trouble.atMs, sentence: trouble.sentence, isBlind: trouble.isBlind },
    };
  });
}

/** The metric that is asked for and can't be seen now; null: all can. */
export function blindMetric(
  metrics: readonly CustomMetric[],
  atMs: number,
): { readonly name: string; readonly sentence: string } | null {
  for (const { spec, trouble } of metrics) {
    if (trouble === undefined || trouble === null || !trouble.isBlind) continue;
    if (atMs - trouble.atMs < faultHoldMs) return { name: spec.name, sentence: trouble.sentence };
  }
  return null;
}

/** `candidate 12 of 340 bad, stable 3 of 6,400`; a histogram has no bad ones. */
export function seenText(custom: CustomMetric): string {
  const { candidate, stable } = custom.seen ?? noneSeen;
  if (custom.kind === 'histogram') {
    return `candidate ${countText(candidate.requests)} events, stable ${countText(stable.requests)}`;
  }
  const badText = ({ requests, failures }: ArmPair['candidate']): string =>
    `${countText(failures)} of ${countText(requests)}`;
  return `candidate ${badText(candidate)} bad, stable ${badText(stable)}`;
}

/** What a verdict's sentence ends with: requests that are no evidence, metrics that are not seen. Empty: nothing to say. */
export function notesText(
  setAside: SetAsideCounts | undefined,
  metrics: readonly CustomMetric[],
): string {
  const notes: string[] = [];
  if (setAside !== undefined) {
    const parts = setAsides.flatMap((reason) =>
      setAside[reason] > 0 ? [`${countText(setAside[reason])} ${setAsideWords[reason]}`] : [],
    );
    notes.push(`no evidence are ${parts.join(', ')}`);
  }
  for (const { spec, trouble, seen } of metrics) {
    if (trouble !== undefined && trouble !== null) {
      const what = trouble.isBlind ? 'is not known' : 'is not known of all instances';
      notes.push(`metric ${spec.name} ${what}: ${trouble.sentence}`);
    } else if (seen !== undefined && seen.candidate.requests + seen.stable.requests === 0) {
      notes.push(`metric ${spec.name} has had no events`);
    }
  }
  return notes.map((note) => `; ${note}`).join('');
}

const setAsideWords: Readonly<Record<SetAside, string>> = {
  retry: 'retries',
  'same-client': 'requests of clients that had their vote',
  'too-many-clients': 'requests of clients beyond those that can be kept apart',
};

export function addSetAside(
  before: SetAsideCounts | undefined,
  more: SetAsideCounts,
): SetAsideCounts {
  return {
    retry: (before?.retry ?? 0) + more.retry,
    'same-client': (before?.['same-client'] ?? 0) + more['same-client'],
    'too-many-clients': (before?.['too-many-clients'] ?? 0) + more['too-many-clients'],
  };
}

const noneSeen: ArmPair = {
  candidate: { requests: 0, failures: 0 },
  stable: { requests: 0, failures: 0 },
};

function plusSeen(before: ArmPair = noneSeen, observation: CustomObservation | undefined): ArmPair {
  if (observation === undefined) return before;
  const more = (arm: 'candidate' | 'stable'): ArmPair['candidate'] =>
    observation.kind === 'ratio'
      ? observation[arm]
      : { requests: histogramTotal(observation[arm]), failures: 0 };
  const sum = (arm: 'candidate' | 'stable'): ArmPair['candidate'] => ({
    requests: before[arm].requests + more(arm).requests,
    failures: before[arm].failures + more(arm).failures,
  });
  return { candidate: sum('candidate'), stable: sum('stable') };
}
