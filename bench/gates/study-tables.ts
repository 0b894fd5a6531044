import { detectionTable } from './detection-table.ts';
import { estimateTable } from './estimate-table.ts';
import { loopTable } from './loop-table.ts';
import { nullTable } from './null-table.ts';
import { latencyTable } from './latency-table.ts';
import { burstTable, userTable } from './other-tables.ts';
import { costTable } from './tick-cost.ts';
import { promotionTable } from './promotion-table.ts';
import type { StudyRun, TableReport } from './study-run.ts';

/** A table, the releases of each of its scenarios in the full study, in the quick one, and the seconds the quick one may take. */
export interface StudyTable {
  readonly name: string;
  readonly run: (study: StudyRun, runs: number) => Promise<TableReport>;
  readonly runs: number;
  readonly quickRuns: number;
  readonly quickSeconds: number;
}

export const studyTables: readonly StudyTable[] = [
  { name: 'null', run: nullTable, runs: 20_000, quickRuns: 20, quickSeconds: 12 },
  { name: 'detection', run: detectionTable, runs: 1000, quickRuns: 20, quickSeconds: 11 },
  { name: 'bursts', run: burstTable, runs: 20_000, quickRuns: 20, quickSeconds: 9 },
  { name: 'promotion', run: promotionTable, runs: 10_000, quickRuns: 20, quickSeconds: 6 },
  { name: 'users', run: userTable, runs: 2000, quickRuns: 20, quickSeconds: 3 },
  { name: 'loop', run: loopTable, runs: 100, quickRuns: 2, quickSeconds: 3 },
  { name: 'latency', run: latencyTable, runs: 500, quickRuns: 20, quickSeconds: 3 },
  {
    name: 'cost',
    run: () => Promise.resolve(costTable()),
    runs: 1,
    quickRuns: 1,
    quickSeconds: 2,
  },
  { name: 'estimate', run: estimateTable, runs: 200, quickRuns: 20, quickSeconds: 4 },
];
