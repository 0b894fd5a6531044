import { cell, medianOf, quantileOf, rounded } from '../form.ts';
import { type LoopCase, type LoopEnd, runLoopRelease } from './loop-world.ts';
import type { StudyRun, TableReport } from './study-run.ts';

/** 40 instances, two of them the candidate's, 5 % of 800 requests/s, and a file that forgives incidents of 5 s. */
const usual = {
  requestsPerSecond: 800,
  candidatePercent: 5,
  candidates: 2,
  stables: 38,
  stableRatio: 0.001,
  incidentMs: 5000,
} as const;
/** Five times as often as in the table of bursts, so that short releases meet them. */
const oneSecond = { lastMs: 1000, meanMsBetween: 120_000 };
const fiveSeconds = { lastMs: 5000, meanMsBetween: 600_000 };

const cases: readonly (LoopCase & { readonly isHealthy: boolean })[] = [
  { name: 'dead', candidateRatio: 1, bursts: null },
  { name: 'dead, bursts of 1 s', candidateRatio: 1, bursts: oneSecond },
  { name: 'dead, bursts of 5 s', candidateRatio: 1, bursts: fiveSeconds },
  { name: 'healthy, bursts of 1 s', candidateRatio: 0.001, bursts: oneSecond },
  { name: 'healthy, bursts of 5 s', candidateRatio: 0.001, bursts: fiveSeconds },
].map((each) => {
  const isHealthy = each.candidateRatio < 0.01;
  return { ...usual, ...each, isHealthy, untilMs: 120_000 };
});

/**
 * G11 through the product's own loop: what the gate advises is done by the decider, written down, ordered and put in force with
 * the delays of a ledger and a router. The other tables ask the gate alone and act on its advice by themselves.
 */
export async function loopTable(study: StudyRun, runs: number): Promise<TableReport> {
  const ends = new Map<string, LoopEnd[]>(cases.map((each) => [each.name, []]));
  for (let run = 0; run < runs && !study.isLate(); run += 1) {
    for (const each of cases) {
      study.signal.throwIfAborted();
      ends.get(each.name)?.push(await runLoopRelease(each, run));
    }
    if ((run + 1) % 10 === 0) study.say(`${run + 1} of ${runs} releases`);
  }
  const rows = cases.map(({ name, isHealthy }) => {
    const of = ends.get(name) ?? [];
    const back = of.flatMap(({ backMs }) => (backMs === null ? [] : [backMs / 1000]));
    const failed = of.map((each) => each.failedRequests);
    const parked = of.filter((each) => each.parkings > 0).length;
    return [
      name,
      String(of.length),
      `${back.length} of ${of.length}`,
      isHealthy ? '-' : `${cell(medianOf(failed))}/${cell(quantileOf(failed, 0.95))}`,
      `${cell(medianOf(back), 1)}/${cell(quantileOf(back, 0.95), 1)}`,
      `${parked} of ${of.length}`,
    ];
  });
  const dead = ends.get('dead, bursts of 1 s') ?? [];
  const healthy = cases
    .filter((each) => each.isHealthy)
    .flatMap(({ name }) => ends.get(name) ?? []);
  const heads = [
    'through the loop',
    'releases',
    'went back',
    'failed, median/p95',
    'seconds, median/p95',
    'parked',
  ];
  return {
    tables: [{ heads, rows }],
    notes: [
      'The loop table is in virtual time: an append of the ledger takes 3 ms, a table 2 ms, samples come as the gateway sends them.',
    ],
    figures: {
      loopDeadFailedMedian: rounded(medianOf(dead.map((each) => each.failedRequests))),
      loopHealthyThrownBack: healthy.filter(({ backMs }) => backMs !== null).length,
      loopHealthyReleases: healthy.length,
    },
  };
}
