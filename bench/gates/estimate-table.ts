import { type BenchTable, cell, medianOf, rounded } from '../form.ts';
import { type DetectionEstimate, estimateRollout } from '../../src/domain/gate/estimate.ts';
import type { GateSettings, Plan, Step } from '../../src/domain/release/revision.ts';
import { OurGate } from './our-gate.ts';
import { studySettings } from './study-settings.ts';
import { binomial, poisson, seeded } from './random.ts';
import type { StudyRun, TableReport } from './study-run.ts';
import type { Tick } from './stream.ts';

/**
 * G10: what `tidegate estimate` says beforehand, beside the median of simulated releases. A ratio of 1 is right; 1.2 says that
 * it takes a fifth longer than it does.
 */
export async function estimateTable(study: StudyRun, runs: number): Promise<TableReport> {
  const isSmall = runs < smallStudyRuns;
  const promotions = isSmall ? everyThird(promotionCases) : promotionCases;
  const detections = isSmall ? everyThird(detectionCases) : detectionCases;
  const promotionRows = await measured(study, promotions, runs);
  const detectionRows = await measured(study, detections, runs);
  const promotion = ratiosOf(promotionRows);
  const detection = ratiosOf(detectionRows);
  return {
    tables: [
      tableOf('PROMOTION, estimated over simulated', promotionRows),
      tableOf('DETECTION, estimated over simulated', detectionRows),
    ],
    notes: [
      `Estimated over the simulated median: promotion ${rangeText(promotion)}, detection ${rangeText(detection)}; wanted are 0.75 to 1.25.`,
    ],
    figures: {
      estimatePromotionWorst: worst(promotion),
      estimateDetectionWorst: worst(detection),
    },
  };
}

const smallStudyRuns = 100;

interface EstimateCase {
  readonly name: string;
  readonly baseRatio: number;
  readonly sharePercent: number;
  readonly settings: GateSettings;
  readonly candidateRatio: number;
  readonly ends: 'pass' | 'fail';
  /** Of both arms together, as estimated. */
  readonly estimated: number;
}

interface Measured {
  readonly each: EstimateCase;
  /** Null: not every release ended in time. */
  readonly median: number | null;
}

const sharesPercent = [5, 10, 50] as const;

const promotionCases: readonly EstimateCase[] = [0.0001, 0.001, 0.005, 0.01, 0.05].flatMap(
  (baseRatio) =>
    [0.001, 0.0025, 0.005, 0.01].flatMap((worseByRatio) =>
      sharesPercent.map((sharePercent) => {
        const settings = { ...studySettings, soakMs: 0, worseByRatio };
        return {
          name: `base ${100 * baseRatio} %, +${100 * worseByRatio} pp at ${sharePercent} %`,
          baseRatio,
          sharePercent,
          settings,
          candidateRatio: baseRatio,
          ends: 'pass' as const,
          estimated: estimateOf(baseRatio, sharePercent, settings).requests,
        };
      }),
    ),
);

const detectionCases: readonly EstimateCase[] = [0.001, 0.005, 0.01, 0.05].flatMap((baseRatio) =>
  sharesPercent.flatMap((sharePercent) =>
    estimateOf(baseRatio, sharePercent, studySettings).detections.flatMap((detection) => {
      const { candidateRequests, candidateRatio, name } = detection;
      // A handful of requests is a matter of ticks, not of formulas.
      if (candidateRequests === null || candidateRequests < 50 || candidateRatio > 0.9) return [];
      return [
        {
          name: `base ${100 * baseRatio} %, ${name} at ${sharePercent} %`,
          baseRatio,
          sharePercent,
          settings: studySettings,
          candidateRatio,
          ends: 'fail' as const,
          estimated: (100 * candidateRequests) / sharePercent,
        },
      ];
    }),
  ),
);

function estimateOf(
  baseErrorRatio: number,
  weightPercent: number,
  gate: GateSettings,
): { readonly requests: number; readonly detections: readonly DetectionEstimate[] } {
  const step = (weight: number): Step => ({
    weightPercent: weight,
    match: null,
    atLeastMs: 0,
    gated: weight < 100,
    wait: { kind: 'none' },
  });
  const plan: Plan = { steps: [step(weightPercent), step(100)], gate, bakeMs: 0, objectives: [] };
  const { steps } = estimateRollout({ requestsPerSecond: 1000, baseErrorRatio, plan });
  return { requests: steps[0]?.requests ?? 0, detections: steps[0]?.detections ?? [] };
}

async function measured(
  study: StudyRun,
  cases: readonly EstimateCase[],
  runs: number,
): Promise<readonly Measured[]> {
  const rows: Measured[] = [];
  for (const each of cases) {
    if (study.isLate() || study.signal.aborted) break;
    const median = medianRequests(each, runs);
    study.say(`${each.name}: ${cell(each.estimated)} estimated, ${cell(median)} simulated`);
    rows.push({ each, median });
    // Others have their turn: progress, Ctrl-C.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}

/**
 * So many ticks of 100 ms are expected until the end: a tick is a fraction of a percent of it, and none is so large that the gate
 * would bet on thousands of requests before it knows anything of stable.
 */
function ticksWantedFor(estimated: number): number {
  return Math.min(1200, Math.max(200, Math.ceil(estimated / 1500)));
}

const tickMs = 100;

function medianRequests(each: EstimateCase, runs: number): number | null {
  const counts = Array.from({ length: runs }, (_, run) => requestsOf(each, run));
  return counts.some((count) => count === Infinity) && medianOf(counts) === Infinity
    ? null
    : medianOf(counts);
}

/** Requests of both arms until the gate has decided; Infinity: not in time. */
function requestsOf(each: EstimateCase, run: number): number {
  const random = seeded(each.name, run);
  const ticksWanted = ticksWantedFor(each.estimated);
  const perTick = each.estimated / ticksWanted;
  const share = each.sharePercent / 100;
  const gate = new OurGate(each.settings, ticksWanted * tickMs);
  const question = { stepSinceMs: 0, weightPercent: each.sharePercent, isLastGate: true };
  let requests = 0;
  for (let number = 1; number <= 8 * ticksWanted; number += 1) {
    const candidateRequests = poisson(random, perTick * share);
    const stableRequests = poisson(random, perTick * (1 - share));
    requests += candidateRequests + stableRequests;
    const tick: Tick = {
      atMs: number * tickMs,
      candidateRequests,
      candidateFailures: binomial(random, candidateRequests, each.candidateRatio),
      stableRequests,
      stableFailures: binomial(random, stableRequests, each.baseRatio),
      latency: null,
      scaledLatency: null,
      routes: null,
      instances: null,
    };
    gate.take(tick);
    if (each.ends === 'fail' ? gate.hasFailed : isPassed(gate, question, tick.atMs)) {
      return requests;
    }
  }
  return Infinity;
}

function isPassed(
  gate: OurGate,
  question: Omit<Parameters<OurGate['judge']>[0], 'atMs'>,
  atMs: number,
): boolean {
  return gate.judge({ ...question, atMs }) === 'pass';
}

function tableOf(head: string, rows: readonly Measured[]): BenchTable {
  return {
    heads: [head, 'estimated', 'simulated', 'ratio'],
    rows: rows.map(({ each, median }) => [
      each.name,
      cell(each.estimated),
      cell(median),
      cell(median === null ? null : each.estimated / median, 2),
    ]),
  };
}

function ratiosOf(rows: readonly Measured[]): readonly number[] {
  return rows.flatMap(({ each, median }) => (median === null ? [] : [each.estimated / median]));
}

function rangeText(ratios: readonly number[]): string {
  const median = cell(medianOf(ratios), 2);
  return `${cell(Math.min(...ratios), 2)} to ${cell(Math.max(...ratios), 2)} (median ${median})`;
}

/** The ratio furthest from 1, on either side. */
function worst(ratios: readonly number[]): number | null {
  const sorted = ratios.toSorted((a, b) => Math.abs(Math.log(b)) - Math.abs(Math.log(a)));
  return rounded(sorted[0] ?? null, 2);
}

function everyThird<Each>(all: readonly Each[]): readonly Each[] {
  return all.filter((_, index) => index % 3 === 1);
}
