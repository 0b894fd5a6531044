import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { noCount, plus } from './arm-block.ts';
import {
  addToInterval,
  closeIntervalBlock,
  type DifferenceInterval,
  openDifferenceInterval,
} from './difference-interval.ts';
import {
  addToScale,
  emptyScale,
  scaleLength,
  scaleLowerUs,
  type SparseHistogram,
  sum,
  tallyFrom,
} from './latency-scale.ts';
import type { GateObservation } from './verdict.ts';

/**
 * What people are shown of one metric besides its evidence: counts of both arms and an interval for the difference that may be
 * read at any moment. No verdict rests on it. Of a histogram it is the share of requests slower than the p95 that stable had
 * at first: that limit is set once, from requests that are not counted, so that the interval is right.
 */
export interface MetricAccount {
  readonly metric: string;
  readonly kind: 'ratio' | 'histogram';
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
  readonly interval: DifferenceInterval;
  /** Of a histogram: stable's first counts on the scale, until the limit is set; then null. */
  readonly learning: readonly number[] | null;
  /** Of a histogram: from this place of the scale on a request is slow; null: not set. */
  readonly slowFrom: number | null;
}

/** Errors have their own, older place in the gate: its totals and its interval. */
export function openAccounts(
  metrics: readonly { readonly name: string; readonly kind: MetricAccount['kind'] }[],
  isLatencyCompared: boolean,
  atMs: number,
): readonly MetricAccount[] {
  const latency = { name: 'latency', kind: 'histogram' } as const;
  return (isLatencyCompared ? [latency, ...metrics] : metrics).map(({ name, kind }) => ({
    metric: name,
    kind,
    candidate: noCount,
    stable: noCount,
    interval: openDifferenceInterval(atMs),
    learning: kind === 'histogram' ? emptyScale : null,
    slowFrom: null,
  }));
}

/** `isWarm`: latencies count; before, only stable's are learned from. */
export function addToAccounts(
  accounts: readonly MetricAccount[],
  observation: Pick<GateObservation, 'metrics' | 'latency'>,
  { atMs, isWarm }: { readonly atMs: number; readonly isWarm: boolean },
): readonly MetricAccount[] {
  return accounts.map((account) => {
    const own = observation.metrics?.find(({ name }) => name === account.metric);
    if (own?.kind === 'ratio') return counted(account, own, atMs);
    const histograms = own ?? (account.metric === 'latency' ? observation.latency : undefined);
    if (histograms === undefined) return account;
    const isShown = isWarm || account.metric !== 'latency';
    return account.slowFrom === null
      ? learned(account, histograms.stable)
      : isShown
        ? counted(account, slowPair(histograms, account.slowFrom), atMs)
        : account;
  });
}

/** A block never spans two weights. */
export function closeAccounts(accounts: readonly MetricAccount[]): readonly MetricAccount[] {
  return accounts.map((account) => ({
    ...account,
    interval: closeIntervalBlock(account.interval),
  }));
}

/** In milliseconds; null: not a histogram, or not set yet. */
export function slowFromMs({ slowFrom }: MetricAccount): number | null {
  return slowFrom === null ? null : scaleLowerUs(slowFrom) / 1000;
}

function counted(
  account: MetricAccount,
  pair: { readonly candidate: ArmCount; readonly stable: ArmCount },
  atMs: number,
): MetricAccount {
  const { candidate, stable } = pair;
  if (candidate.requests + stable.requests === 0) return account;
  const { metric, kind, learning, slowFrom } = account;
  return {
    metric,
    kind,
    candidate: plus(account.candidate, candidate),
    stable: plus(account.stable, stable),
    interval: addToInterval(account.interval, { candidate, stable }, atMs),
    learning,
    slowFrom,
  };
}

/** Enough for a p95 that is a p95. */
const learnedRequestsMin = 200;

function learned(account: MetricAccount, stable: SparseHistogram): MetricAccount {
  const learning = addToScale(account.learning ?? emptyScale, stable, 0);
  if (sum(learning) < learnedRequestsMin) return { ...account, learning };
  return { ...account, learning: null, slowFrom: slowPlace(learning) };
}

/** The first place above which at most 5 % of the counts are. */
export function slowPlace(counts: readonly number[]): number {
  let above = 0;
  const most = 0.05 * sum(counts);
  for (let place = scaleLength - 1; place > 0; place -= 1) {
    above += counts[place] ?? 0;
    if (above > most) return Math.min(scaleLength - 1, place + 1);
  }
  return 1;
}

function slowPair(
  histograms: { readonly candidate: SparseHistogram; readonly stable: SparseHistogram },
  slowFrom: number,
): { readonly candidate: ArmCount; readonly stable: ArmCount } {
  return {
    candidate: tallyFrom(histograms.candidate, 0, slowFrom),
    stable: tallyFrom(histograms.stable, 0, slowFrom),
  };
}
