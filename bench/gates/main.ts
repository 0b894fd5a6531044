/**
 * The study of the gate: simulated releases with fixed seeds, one stream for our gate (the product's own code, at the product's
 * tick) and for the rules of other tools. A table after the other: false rollbacks, bad candidates, bursts, promotions,
 * cases of users, latency. In full it takes hours; `node bench/gates/main.ts --table NAME` runs a part of it.
 */
import type { BenchOptions, BenchReport } from '../form.ts';
import { runStudy } from './run-study.ts';
import { runCommand } from './study-command.ts';

export const about = "false rollbacks, bad candidates and promotions, beside other tools' rules";

export async function run({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const all = { table: null, releases: null, savePath: null };
  return runStudy({ ...all, tickMs: 100, workers: 2, isQuick, say, signal });
}

if (import.meta.main) process.exitCode = await runCommand();
