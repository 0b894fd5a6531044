import { join } from 'node:path';
import type { BenchReport, BenchTable } from '../form.ts';
import { Pool } from './pool.ts';
import { SavedResults } from './saved-results.ts';
import { studyTables } from './study-tables.ts';

export interface StudyOptions {
  /** Null: all of them. */
  readonly table: string | null;
  /** Of each scenario; null: each table's own number. */
  readonly releases: number | null;
  readonly tickMs: number;
  readonly workers: number;
  /** Finished jobs are kept here and not done again; null: nowhere. */
  readonly savePath: string | null;
  /** Where records of healthy releases are kept; they are of the product's tick, and of no quick study. */
  readonly recordFolder?: string;
  /** A new record in place of the one there is. */
  readonly isFresh?: boolean;
  /** Nothing is run: the tables are of what a record or a saved file holds. */
  readonly isRecorded?: boolean;
  readonly isQuick: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export async function runStudy(options: StudyOptions): Promise<BenchReport> {
  const { isQuick, releases, say, signal, tickMs, workers, isRecorded = false } = options;
  const tables: BenchTable[] = [];
  const notes: string[] = [];
  const figures: Record<string, number | null> = { ...noFigures };
  const chosen = studyTables.filter(({ name }) => options.table === null || name === options.table);
  await using pool = new Pool(workers);
  const saved = new SavedResults(options.savePath);
  const isKept = !isQuick && tickMs === productTickMs;
  const folder = options.recordFolder ?? join(import.meta.dirname, 'record');
  const records = isKept ? { folder, isFresh: options.isFresh ?? false } : null;
  for (const table of chosen) {
    say(`table ${table.name}`);
    const isLate = isQuick ? lateAfter(table.quickSeconds) : () => isRecorded;
    const runs = releases ?? (isQuick ? table.quickRuns : table.runs);
    const report = await table.run({ tickMs, pool, saved, records, say, isLate, signal }, runs);
    tables.push(...report.tables);
    notes.push(...report.notes);
    Object.assign(figures, report.figures);
  }
  notes.push(
    `Ticks of ${tickMs} ms; every rule sees the same streams; others' rules without their delays of scraping and acting.`,
  );
  return { tables, notes, result: figures };
}

const productTickMs = 100;

/** A slow machine ends a quick study's table early, with fewer releases a scenario. */
function lateAfter(seconds: number): () => boolean {
  const endMs = performance.now() + 1000 * seconds;
  return () => performance.now() > endMs;
}

/** All that the result names, in its order; null: the product can't do it yet, or its table was not run. */
const noFigures: Readonly<Record<string, number | null>> = {
  worstFalseRollbackUpper95: null,
  worstBurstFalseRollbackUpper95: null,
  releasesPerScenario: null,
  deadFailedMedian: null,
  deadFailedP95: null,
  timesFewerThanFlaggerQuickest: null,
  fiftyPercentFailedMedian: null,
  plusFivePointsFailedMedian: null,
  plusFivePointsSeconds: null,
  fiveTimesSeconds: null,
  fiveTimesFailedMedian: null,
  medianOverWald: null,
  tailDoubledRequests: null,
  plusTwentyPercentRequests: null,
  promoteSecondsP95: null,
  wrongPromotionWorst: null,
  robustDeadFailedMedian: null,
  estimatePromotionWorst: null,
  estimateDetectionWorst: null,
  microsecondsPerTick: null,
};
