import type { BenchOptions, BenchReport } from '../form.ts';
import { runStudy } from './run-study.ts';

export const about = "false rollbacks, bad candidates and promotions, beside other tools' rules";

/** All tables. In full it takes hours: study.ts beside it runs single tables and goes on where it was stopped. */
export async function run({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const all = { table: null, releases: null, savePath: null };
  return runStudy({ ...all, tickMs: 100, workers: 2, isQuick, say, signal });
}
