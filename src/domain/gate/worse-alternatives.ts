import { type Block, clampRatio } from './e-variable.ts';
import { worseRatios } from './onset-mixture.ts';

/**
 * log E of each alternative of "the candidate's ratio is higher" for one block: `logLikelihoodRatio` with the projection
 * `pooled`, for all alternatives at once and with what doesn't depend on the block kept in tables. Stable's ratio is
 * rounded to a grid of 2 % for that; the alternatives are a choice, so the rounding costs next to no power and no validity.
 */
export function logWorse({ candidate, stable }: Block, stableRatio: number): number[] {
  const table = tableAt(stableRatio);
  const requests = candidate.requests + stable.requests;
  const failures = candidate.failures + stable.failures;
  const successes = requests - failures;
  const share = candidate.requests / requests;
  const stablePart =
    stable.failures * table.logStable + (stable.requests - stable.failures) * table.logStableGood;
  const candidateGood = candidate.requests - candidate.failures;
  const logs: number[] = [];
  for (let index = 0; index < table.ratios.length; index += 1) {
    const pooled = table.stable + share * ((table.ratios[index] ?? 0) - table.stable);
    let log = stablePart + candidateGood * (table.logGoods[index] ?? 0);
    log -= successes * Math.log(1 - pooled);
    if (candidate.failures > 0) log += candidate.failures * (table.logRatios[index] ?? 0);
    if (failures > 0) log -= failures * Math.log(pooled);
    logs.push(log);
  }
  return logs;
}

interface AlternativeTable {
  readonly stable: number;
  readonly logStable: number;
  readonly logStableGood: number;
  /** Of each alternative: the candidate's ratio, its logarithm, and that of its rest. */
  readonly ratios: Float64Array;
  readonly logRatios: Float64Array;
  readonly logGoods: Float64Array;
}

const stepsPerE = 50;
/** Ratios from 1e-6 to 1 have log from -13.8 to 0. */
const tables: (AlternativeTable | undefined)[] = Array.from({ length: 14 * stepsPerE + 1 });

function tableAt(stableRatio: number): AlternativeTable {
  const index = Math.round(-stepsPerE * Math.log(stableRatio));
  const known = tables[index];
  if (known !== undefined) return known;
  const stable = clampRatio(Math.exp(-index / stepsPerE));
  const ratios = Float64Array.from(worseRatios(stable));
  const made = {
    stable,
    logStable: Math.log(stable),
    logStableGood: Math.log1p(-stable),
    ratios,
    logRatios: ratios.map((ratio) => Math.log(ratio)),
    logGoods: ratios.map((ratio) => Math.log1p(-ratio)),
  };
  tables[index] = made;
  return made;
}
