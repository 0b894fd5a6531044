import type { BenchTable } from '../form.ts';
import { type Job, type JobResult, merged } from './run-scenario.ts';
import type { Pool } from './pool.ts';
import type { StudyRecord } from './record.ts';
import type { SavedResults } from './saved-results.ts';

/** What every table gets, and the ways it asks for releases. */
export interface StudyRun {
  readonly tickMs: number;
  readonly pool: Pool;
  readonly saved: SavedResults;
  /** Where records are kept; null: nowhere. */
  readonly records: { readonly folder: string; readonly isFresh: boolean } | null;
  readonly say: (line: string) => void;
  readonly isLate: () => boolean;
  readonly signal: AbortSignal;
}

/** A part of the study that ends with some figures of the result. */
export interface TableReport {
  readonly tables: readonly BenchTable[];
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, number | null>>;
}

/** Releases wanted of one scenario. */
export interface Wanted {
  readonly of: string;
  readonly rules: Job['rules'];
  /** From this release on other rules. */
  readonly later?: { readonly rules: Job['rules']; readonly fromRun: number };
  readonly runs: number;
  readonly keepsCosts: boolean;
  /** The study's when absent. */
  readonly tickMs?: number;
}

/**
 * Runs all that is wanted, in chunks and in turns, so that time running out takes the same from every scenario. `onDone` is told of
 * each scenario when its last chunk is in. Keys of the result are scenario and tick. What a record holds is not run again.
 */
export async function runAll(
  study: StudyRun,
  wanted: readonly Wanted[],
  onDone: (wanted: Wanted, result: JobResult) => void,
  record: StudyRecord | null = null,
): Promise<(of: string, tickMs?: number) => JobResult> {
  const parts = new Map<string, JobResult[]>();
  const open = new Map<string, number>();
  const byKey = new Map(wanted.map((each) => [keyOf(study, each.of, each.tickMs), each]));
  const take = (job: Job, result: JobResult): void => {
    const key = keyOf(study, job.of, job.tickMs);
    const results = parts.get(key) ?? [];
    results.push(result);
    parts.set(key, results);
    const left = (open.get(key) ?? 0) - 1;
    open.set(key, left);
    const whole = byKey.get(key);
    if (left === 0 && whole !== undefined) onDone(whole, merged(results));
  };
  const all = jobsOf(study, wanted);
  const jobs = record === null ? all : all.flatMap((job) => record.missingOf(job));
  for (const each of wanted) {
    const known = record?.resultOf(each.of) ?? null;
    if (known !== null) parts.set(keyOf(study, each.of, each.tickMs), [known]);
  }
  for (const job of jobs) {
    const key = keyOf(study, job.of, job.tickMs);
    open.set(key, (open.get(key) ?? 0) + 1);
  }
  const missing: Job[] = [];
  for (const job of jobs) {
    const saved = study.saved.get(job);
    if (saved === undefined) missing.push(job);
    else take(job, saved);
  }
  const step = progressOf(missing.length, study.say);
  await study.pool.run(missing, {
    isLate: study.isLate,
    signal: study.signal,
    onResult: (job, result) => {
      study.saved.add(job, result);
      record?.add(job, result);
      take(job, result);
      step();
    },
  });
  return (of, tickMs) => merged(parts.get(keyOf(study, of, tickMs)) ?? []);
}

/** Says each twentieth of much work, and about how long the rest takes at the pace so far; nothing of little work. */
function progressOf(jobs: number, say: (line: string) => void): () => void {
  const startedMs = performance.now();
  const between = jobs < progressJobsMin ? Number.POSITIVE_INFINITY : Math.ceil(jobs / 20);
  let done = 0;
  return () => {
    done += 1;
    if (done % between !== 0 || done === jobs) return;
    const leftMinutes = ((performance.now() - startedMs) / done / 60_000) * (jobs - done);
    say(`${done} of ${jobs} parts, about ${Math.ceil(leftMinutes)} min left`);
  };
}

const progressJobsMin = 200;

/** About half a second each. In a small study fewer: its time may run out before every scenario had its turn. */
const runsPerJobMax = 20;
const smallStudyRuns = 100;

function jobsOf(study: StudyRun, wanted: readonly Wanted[]): readonly Job[] {
  const jobs: Job[] = [];
  const runsMax = Math.max(0, ...wanted.map((each) => each.runs));
  const isSmall = runsMax < smallStudyRuns;
  const runsPerJob = isSmall ? Math.ceil(runsMax / 10) : runsPerJobMax;
  for (let firstRun = 0; firstRun < runsMax; firstRun += runsPerJob) {
    for (const { of, rules: first, later, runs, keepsCosts, tickMs = study.tickMs } of wanted) {
      const left = Math.min(runsPerJob, runs - firstRun);
      const rules = later !== undefined && firstRun >= later.fromRun ? later.rules : first;
      if (left > 0) jobs.push({ of, rules, firstRun, runs: left, tickMs, keepsCosts });
    }
  }
  return jobs;
}

function keyOf(study: StudyRun, of: string, tickMs = study.tickMs): string {
  return `${of} @ ${tickMs}`;
}
