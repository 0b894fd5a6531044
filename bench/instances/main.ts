import { usualHorizontalScaling } from '../../src/domain/scaling/horizontal.ts';
import { type BenchReport, type BenchOptions, cell, medianOf, rounded } from '../form.ts';
import { changes } from './changes.ts';
import { coldStart } from './cold-start.ts';
import { concurrencyBurst } from './concurrency-burst.ts';
import { loadStep, loadStepResult, type LoadStepRun } from './load-step.ts';
import { recordedDays } from './recorded-days.ts';
import { type ServedDays, servedByFixed, servedByScaling } from './served-days.ts';
import { type SizedDays, sized } from './sized-days.ts';

export const about =
  'failed requests while instances change, beside reloads of HAProxy and nginx; a step of load; a burst; starts from zero; two simulated days of scaling';

export const parts = ['changes', 'steps', 'burst', 'cold-start', 'days'] as const;

/** What runs for each part, in this order. */
const runs = {
  changes,
  steps: stepsOfLoad,
  burst: concurrencyBurst,
  'cold-start': coldStart,
  days,
} as const;

export async function run(options: BenchOptions): Promise<BenchReport> {
  const reports: BenchReport[] = [];
  for (const part of parts) {
    if (options.only !== undefined && !options.only.includes(part)) continue;
    reports.push(await runs[part](options));
  }
  return {
    tables: reports.flatMap(({ tables }) => tables),
    notes: reports.flatMap(({ notes }) => notes),
    result: Object.assign({}, ...reports.map(({ result }) => result)) as BenchReport['result'],
  };
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9];

const scaling = {
  ...usualHorizontalScaling,
  max: 30,
  targets: usualHorizontalScaling.targets.filter(({ metric }) => metric === 'cpu'),
};

interface Pair {
  readonly seed: number;
  readonly scaled: ServedDays;
  readonly fixed: ServedDays;
  readonly memory: SizedDays;
}

async function stepsOfLoad(options: BenchOptions): Promise<BenchReport> {
  const steps: LoadStepRun[] = [];
  for (let count = 0; count < (options.isQuick ? 1 : 3); count += 1) {
    steps.push(await loadStep(options));
  }
  return {
    tables: [{ heads: stepHeads, rows: steps.map(stepRow) }],
    notes: [
      'Steps: real processes; 50 to 5,000 requests/s and back on a service that computes for 50 us a request, 100 m of CPU an instance.',
    ],
    result: loadStepResult(steps),
  };
}

function days({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const pairs = (isQuick ? seeds.slice(0, 3) : seeds).map((seed): Pair => {
    signal.throwIfAborted();
    const days = recordedDays(seed);
    const scaled = servedByScaling(days, scaling);
    const pair = {
      seed,
      scaled,
      fixed: fixedAsGood(days, scaled.p95Ms),
      memory: sized(days, scaled),
    };
    say(
      `seed ${seed}: ${scaled.instanceHours.toFixed(0)} instance-hours, fixed ${pair.fixed.instanceHours.toFixed(0)}`,
    );
    return pair;
  });
  const horizontal = medianOf(pairs.map(savedBy));
  const vertical = medianOf(pairs.map(({ memory }) => memory.savingRatio));
  return Promise.resolve({
    tables: [{ heads, rows: pairs.map(rowOf) }],
    notes: [
      "Simulated from seeds: the product's arithmetic on two days of load with a night, an evening peak, spikes and a leak; nothing is started.",
      'Fixed: the fewest instances whose p95 is no worse. Memory: day two by the recommendation of day one, beside the highest use of day one and 30 %.',
    ],
    result: {
      horizontalSavingRatio: rounded(horizontal, 3),
      verticalSavingRatio: rounded(vertical, 3),
      turnsPerDay: rounded(medianOf(pairs.map(({ scaled }) => scaled.turns / 2)), 1),
    },
  });
}

const stepHeads = ['UP', 'DOWN', 'MOST', 'ORDERS', 'RIGHT', 'REQUESTS', 'FAILED'];

function stepRow(run: LoadStepRun): readonly string[] {
  return [
    `${cell(run.secondsToScaleUp, 1)} s`,
    `${cell(run.secondsToScaleDown, 1)} s`,
    `${run.most}`,
    `${run.orders}`,
    `${run.rightOrders}`,
    `${run.requests}`,
    `${run.failed}`,
  ];
}

function fixedAsGood(days: ReturnType<typeof recordedDays>, p95Ms: number): ServedDays {
  for (let count = 1; count < 100; count += 1) {
    const fixed = servedByFixed(days, count);
    if (fixed.p95Ms <= p95Ms) return fixed;
  }
  throw new Error('no hundred instances are as good: the load has no end');
}

function savedBy({ scaled, fixed }: Pair): number {
  return 1 - scaled.instanceHours / fixed.instanceHours;
}

const heads = [
  'SEED',
  'P95',
  'INSTANCE-HOURS',
  'FIXED',
  'ITS P95',
  'SAVED',
  'CHANGES',
  'TURNS',
  'MEMORY ASKED',
  'GUESSED',
  'SAVED',
  'KILLED',
];

function rowOf(pair: Pair): readonly string[] {
  const { seed, scaled, fixed, memory } = pair;
  return [
    `${seed}`,
    `${cell(scaled.p95Ms, 1)} ms`,
    cell(scaled.instanceHours),
    `${cell(fixed.instanceHours)} (${fixed.instances[0]})`,
    `${cell(fixed.p95Ms, 1)} ms`,
    `${cell(savedBy(pair) * 100)} %`,
    `${scaled.changes}`,
    `${scaled.turns}`,
    `${cell(memory.recommendedBytes / 2 ** 20)} MiB`,
    `${cell(memory.guessedBytes / 2 ** 20)} MiB`,
    `${cell(memory.savingRatio * 100)} %`,
    `${memory.outOfMemory}`,
  ];
}
