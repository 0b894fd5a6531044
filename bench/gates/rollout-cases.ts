import type { GateSettings } from '../../src/domain/release/revision.ts';
import { studySettings } from './study-settings.ts';
import { percent, scenario, tenMinutesMs } from './scenario.ts';
import type { Rates, Scenario } from './stream.ts';

/** A whole rollout: steps that our gate must pass one after the other, up to the last gate. */
export interface RolloutCase {
  readonly name: string;
  readonly settings: GateSettings;
  readonly stepsPercent: readonly number[];
  /** How long each step lasts at least, besides its soak: `atLeast` of a release file. */
  readonly atLeastMs: readonly number[];
  readonly kind: 'healthy' | 'margin' | '5x' | '100 %';
  readonly policy: string;
  readonly situation: string;
  /** Its share is the first step's; `rollout.ts` sets it by the step. */
  readonly scenario: Scenario;
}

interface Setting {
  readonly requestsPerSecond: number;
  readonly baseRatio: number;
  readonly marginRatio: number;
}

const settings: readonly Setting[] = [
  { requestsPerSecond: 800, baseRatio: 0.001, marginRatio: 0.0025 },
  { requestsPerSecond: 800, baseRatio: 0.005, marginRatio: 0.005 },
  { requestsPerSecond: 800, baseRatio: 0.01, marginRatio: 0.005 },
  { requestsPerSecond: 100, baseRatio: 0.001, marginRatio: 0.0025 },
  { requestsPerSecond: 20, baseRatio: 0.001, marginRatio: 0.0025 },
];

/** The one whose figures stand in the result: soak spent where requests tell most. */
export const mainPolicy = 'ramp, 20 of the 30 s at 50 %';

const policies: readonly Policy[] = [
  { name: 'ramp 1-5-25-50', stepsPercent: [1, 5, 25, 50], soakMs: 7500 },
  {
    name: mainPolicy,
    stepsPercent: [1, 5, 25, 50],
    soakMs: 2500,
    atLeastMs: [2500, 2500, 5000, 20_000],
  },
  { name: 'fixed 5 %', stepsPercent: [5], soakMs: 30_000 },
  { name: 'fixed 50 %', stepsPercent: [50], soakMs: 30_000 },
];

/** 30 s in all at least, whatever the number of steps. */
interface Policy {
  readonly name: string;
  readonly stepsPercent: readonly number[];
  readonly soakMs: number;
  readonly atLeastMs?: readonly number[];
}

/** Those whose time at 50 % is long or short. */
const ramps = policies.filter((policy) => policy.stepsPercent.length > 1);

export const rolloutCases: readonly RolloutCase[] = settings.flatMap((setting) =>
  policies.flatMap((policy) =>
    (['healthy', '5x', '100 %'] as const).map((kind) => rolloutCase(setting, policy, kind)),
  ),
);

/** A candidate worse by exactly the margin, also while the base drifts: passing is wrong. */
export const marginCases: readonly RolloutCase[] = [
  ...settings.flatMap((setting) =>
    policies.map((policy) => rolloutCase(setting, policy, 'margin')),
  ),
  ...settings
    .filter((setting) => setting.requestsPerSecond !== 20)
    .flatMap((setting) =>
      ramps.map((ramp) => drifting(rolloutCase(setting, ramp, 'margin'), setting)),
    ),
];

function rolloutCase(setting: Setting, policy: Policy, kind: RolloutCase['kind']): RolloutCase {
  const { requestsPerSecond, baseRatio, marginRatio } = setting;
  const ratios = {
    healthy: baseRatio,
    margin: baseRatio + marginRatio,
    '5x': 5 * baseRatio,
    '100 %': 1,
  };
  const margin = `+${Number((100 * marginRatio).toPrecision(3))} pp`;
  const situation = `${requestsPerSecond}/s, ${percent(baseRatio)}, ${margin}`;
  const name = `${situation}, ${policy.name}, ${kind}`;
  return {
    name,
    kind,
    policy: policy.name,
    situation,
    settings: {
      ...studySettings,
      worseByRatio: marginRatio,
      soakMs: policy.soakMs,
    },
    stepsPercent: policy.stepsPercent,
    atLeastMs: policy.atLeastMs ?? [],
    scenario: scenario({
      name,
      requestsPerSecond,
      share: (policy.stepsPercent[0] ?? 0) / 100,
      rates: { candidateRatio: ratios[kind], stableRatio: baseRatio },
    }),
  };
}

/** The base rises to fivefold and falls again within four minutes; the candidate stays worse by the margin. */
function drifting(from: RolloutCase, { baseRatio, marginRatio }: Setting): RolloutCase {
  const ratesAt = (atMs: number): Rates => {
    const phase = (2 * Math.PI * atMs) / 240_000;
    const stableRatio = baseRatio * (3 - 2 * Math.cos(phase));
    return { candidateRatio: stableRatio + marginRatio, stableRatio };
  };
  const name = `${from.name}, base drifting`;
  return {
    ...from,
    name,
    situation: `${from.situation}, drifting`,
    scenario: { ...from.scenario, name, durationMs: tenMinutesMs, openRates: () => ratesAt },
  };
}
