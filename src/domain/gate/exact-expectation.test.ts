import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { type GateObservation, type GateState, observe, openGate } from './gate.ts';
import { logMarginEvidence, logMarginEvidences } from './non-inferiority.ts';
import { baseRatioAt } from './base-rate.ts';
import { pooled } from './e-variable.ts';
import { logSlower, slowerRatios } from './latency-alternatives.ts';
import { scaleLength } from './latency-scale.ts';
import { advance, alternativeWeights, evidenceOf, worseRatios } from './onset-mixture.ts';
import { badness, logUnits } from './unit-lane.ts';
import { logWorse } from './worse-alternatives.ts';

/**
 * E[E] <= 1 by exact enumeration, through the code that the product runs: every way in which few requests can end is walked
 * through with its chance. A wrong sign, projection or weight makes one of these sums exceed 1 at once.
 */
const settings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.05,
  soakMs: 0,
  atMostMs: 600_000,
  warmUpMs: 0,
  slowerByRatio: 0,
};

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const count = fc.integer({ min: 1, max: 6 });

test('evidence of a block that the candidate fails more often averages to 1 at most while it does not', () => {
  const row = fc.record({
    base: fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }),
    stable: ratio,
    part: ratio,
    candidates: count,
    stables: count,
  });
  fc.assert(
    fc.property(row, ({ base, stable, part, candidates, stables }) => {
      const ratios = [part * stable, stable] as const;
      const means = sumOver([candidates, stables], ratios, (failures) => {
        return logWorse(blockOf([candidates, stables], failures), base).map(Math.exp);
      });
      for (const mean of means) assert.ok(mean <= 1 + 1e-9, `${mean}`);
    }),
    { seed: 31, numRuns: 400 },
  );
});

test('evidence of a block that the candidate is not worse by a margin averages to 1 at most while it is', () => {
  const row = fc.record({
    base: fc.double({ min: 1e-6, max: 0.99, noNaN: true }),
    margin: fc.double({ min: 0.0001, max: 0.5, noNaN: true }),
    stable: ratio,
    beyond: ratio,
    candidates: count,
    stables: count,
  });
  fc.assert(
    fc.property(row, ({ base, margin, stable: position, beyond, candidates, stables }) => {
      const stable = position * (1 - margin);
      const ratios = [stable + margin + beyond ** 4 * (1 - margin - stable), stable] as const;
      const means = sumOver([candidates, stables], ratios, (failures) => {
        return logMarginEvidences(blockOf([candidates, stables], failures), base, margin).map(
          Math.exp,
        );
      });
      for (const mean of means) assert.ok(mean <= 1 + 1e-6, `${mean}`);
    }),
    { seed: 32, numRuns: 400 },
  );
});

test('evidence by units averages to 1 at most, whatever the requests of a unit have to do with each other', () => {
  // A unit of 6 requests has an incident, in which all fail, or single failures; both arms alike.
  const row = fc.record({
    incident: ratio,
    single: ratio,
    base: fc.double({ min: 0.001, max: 0.9, noNaN: true }),
    odds: fc.double({ min: 1.01, max: 40, noNaN: true }),
    drawn: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(
    fc.property(row, ({ incident, single, base, odds, drawn }) => {
      const candidateRatio = (odds * base) / (1 - base + odds * base);
      const chances = [0, 1, 2, 3, 4, 5, 6].map(
        (failures) =>
          (1 - incident) * chanceOf(6, failures, single) + (failures === 6 ? incident : 0),
      );
      const z = (failures: number): number =>
        badness({ instanceId: 'a', requests: 6, failures }, drawn);
      let mean = 0;
      for (let a = 0; a <= 6; a += 1) {
        for (let b = 0; b <= 6; b += 1) {
          for (let c = 0; c <= 6; c += 1) {
            const chance = (chances[a] ?? 0) * (chances[b] ?? 0) * (chances[c] ?? 0);
            const log = logUnits([z(a)], [z(b), z(c)], { candidateRatio, stableRatio: base });
            mean += chance * Math.exp(log);
          }
        }
      }
      assert.ok(mean <= 1 + 1e-9, `${mean}`);
    }),
    { seed: 33, numRuns: 200 },
  );
});

test('W of errors averages to 1 at most over the intervals of a gate, with a base that moves', () => {
  const sizes = [4, 4] as const;
  for (const bases of [
    [0.01, 0.01],
    [0.5, 0.9],
    [0.02, 0.6, 0.1],
  ]) {
    let states: readonly Weighed[] = [{ state: open(), chance: 1 }];
    for (const [index, base] of bases.entries()) {
      states = states.flatMap(({ state, chance }) =>
        outcomesOf(sizes, [base, base]).map((outcome) => ({
          state: observe(state, { atMs: 1000 * (index + 1), ...blockOf(sizes, outcome.failures) }),
          chance: chance * outcome.chance,
        })),
      );
    }
    const mean = total(states, ({ errors }) => evidenceOf(errors.worse));
    assert.ok(mean <= 1 + 1e-9, `${mean} with bases ${bases.join(', ')}`);
    // It isn't 1 because nothing was bet.
    const most = Math.max(...states.map(({ state }) => evidenceOf(state.errors.worse)));
    assert.ok(most > 20, `${most}`);
  }
});

test('W of "not worse by the margin" averages to 1 at most at the margin', () => {
  let states: readonly Weighed[] = [{ state: open(), chance: 1 }];
  for (const atMs of [1000, 2000]) {
    states = states.flatMap(({ state, chance }) =>
      outcomesOf([6, 6], [0.15, 0.1]).map((outcome) => ({
        state: observe(state, { atMs, ...blockOf([6, 6], outcome.failures) }),
        chance: chance * outcome.chance,
      })),
    );
  }
  // Blocks of this side end by age, with the interval after it.
  const ended = states.map(({ state, chance }) => ({
    state: observe(state, { atMs: 40_000, ...blockOf([1, 1], [0, 0]) }),
    chance,
  }));
  for (const [index] of open().errors.margins.entries()) {
    const mean = total(ended, ({ errors }) => {
      const margin = errors.margins[index];
      return margin === undefined ? 0 : Math.exp(logMarginEvidence(margin));
    });
    const { marginRatio = 0 } = open().errors.margins[index] ?? {};
    if (marginRatio <= 0.05) assert.ok(mean <= 1 + 1e-9, `${mean} at +${marginRatio}`);
  }
});

test('W of latency averages to 1 at most while the candidate is as slow as stable, whatever was known before', () => {
  const places = [5_000, 40_000, 400_000].map((us) => latencyBucket(us));
  for (const learned of [
    [60, 30, 10],
    [98, 1, 1],
    [0, 0, 100],
  ]) {
    const known = observe(open(), latencies(500, [0, 0, 0], learned, places));
    for (const truth of [
      [0.5, 0.3, 0.2],
      [0.98, 0.01, 0.01],
      [0.05, 0.05, 0.9],
    ]) {
      let mean = 0;
      for (const candidate of multinomial(4, truth)) {
        for (const stable of multinomial(4, truth)) {
          const seen = latencies(1000, candidate.counts, stable.counts, places);
          const { slower } = observe(known, seen).latency;
          mean += candidate.chance * stable.chance * evidenceOf(slower);
        }
      }
      assert.ok(mean <= 1 + 1e-9, `${mean} for ${truth.join(', ')} after ${learned.join(', ')}`);
      assert.ok(mean > 0.2, 'blocks were complete, so evidence was weighed');
    }
  }
});

test('at the point of the null that is nearest to an alternative its evidence averages to 1 exactly', () => {
  // There is no slack there, so a factor that is wrong by a thousandth shows.
  for (const base of [0.001, 0.05, 0.4]) {
    for (const sizes of [
      [1, 6],
      [4, 4],
      [6, 2],
    ] as const) {
      for (const [index, candidateRatio] of worseRatios(gridded(base)).entries()) {
        const alternative = { candidateRatio, stableRatio: gridded(base) };
        const nearest = pooled({ candidate: sizes[0], stable: sizes[1] }, alternative);
        const at = [nearest.candidateRatio, nearest.stableRatio] as const;
        const means = sumOver(sizes, at, (failures) =>
          logWorse(blockOf(sizes, failures), base).map(Math.exp),
        );
        assert.ok(Math.abs((means[index] ?? 0) - 1) < 1e-9, `errors: ${means[index]}`);
        // Units that are wholly good or bad are coins as well.
        const units = sumOver(sizes, at, (failures) => {
          const z = (size: number, bad: number): readonly number[] =>
            Array.from({ length: size }, (_, unit) => (unit < bad ? 1 : 0));
          const [candidate, stable] = [z(sizes[0], failures[0]), z(sizes[1], failures[1])];
          return [Math.exp(logUnits(candidate, stable, alternative))];
        });
        assert.ok(Math.abs((units[0] ?? 0) - 1) < 1e-9, `units: ${units[0]}`);
      }
    }
  }
  const shares = Array.from({ length: scaleLength }, (_, place) => 1 / (1 + Math.abs(place - 20)));
  const whole = shares.reduce((sum, share) => sum + share);
  const slower = slowerRatios(shares.map((share) => share / whole));
  const single = (place: number): readonly number[] =>
    shares.map((_, at) => (at === place ? 1 : 0));
  for (const [index, ratios] of slower.ratios.entries()) {
    // One request of each arm: a half of the alternative and a half of stable.
    const truth = shares.map((share, place) => ((share / whole) * (1 + (ratios[place] ?? 0))) / 2);
    let mean = 0;
    for (const [place, chance] of truth.entries()) {
      for (const [other, otherChance] of truth.entries()) {
        const logs = logSlower(slower, single(place), single(other));
        mean += chance * otherChance * Math.exp(logs[index] ?? 0);
      }
    }
    assert.ok(Math.abs(mean - 1) < 1e-9, `latency: ${mean}`);
  }
});

test('a block is judged by what was known before it', () => {
  const before = observe(open(), { atMs: 1000, ...blockOf([4, 400], [0, 40]) });
  const block = blockOf([4, 400], [1, 200]);
  const [stratum] = before.errors.strata;
  assert.ok(stratum !== undefined);
  const logs = logWorse(block, baseRatioAt(stratum.base, 2000));
  const want = advance(before.errors.worse, alternativeWeights, 2000, logs);
  assert.deepEqual(observe(before, { atMs: 2000, ...block }).errors.worse, want);
});

interface Weighed {
  readonly state: GateState;
  readonly chance: number;
}

function open(): GateState {
  return openGate(settings, [], 0, 60_000);
}

function total(states: readonly Weighed[], valueOf: (state: GateState) => number): number {
  return states.reduce((sum, { state, chance }) => sum + chance * valueOf(state), 0);
}

/** The ratio that stands in for stable's: worse-alternatives.ts rounds it to a grid of 2 %. */
function gridded(base: number): number {
  return Math.exp(Math.round(50 * Math.log(base)) / 50);
}

type Two = readonly [candidate: number, stable: number];

interface Outcome {
  readonly failures: Two;
  readonly chance: number;
}

function outcomesOf([candidates, stables]: Two, [candidate, stable]: Two): readonly Outcome[] {
  const all: Outcome[] = [];
  for (let failed = 0; failed <= candidates; failed += 1) {
    for (let failedStable = 0; failedStable <= stables; failedStable += 1) {
      const chance =
        chanceOf(candidates, failed, candidate) * chanceOf(stables, failedStable, stable);
      all.push({ failures: [failed, failedStable], chance });
    }
  }
  return all;
}

function sumOver(
  sizes: Two,
  ratios: Two,
  valuesOf: (failures: Two) => readonly number[],
): readonly number[] {
  const sums: number[] = [];
  for (const { failures, chance } of outcomesOf(sizes, ratios)) {
    for (const [index, value] of valuesOf(failures).entries()) {
      sums[index] = (sums[index] ?? 0) + chance * value;
    }
  }
  return sums;
}

function blockOf(sizes: Two, failures: Two): { candidate: ArmCount; stable: ArmCount } {
  return {
    candidate: { requests: sizes[0], failures: failures[0] },
    stable: { requests: sizes[1], failures: failures[1] },
  };
}

function latencies(
  atMs: number,
  candidate: readonly number[],
  stable: readonly number[],
  places: readonly number[],
): GateObservation {
  const requests = (counts: readonly number[]): ArmCount => ({
    requests: counts.reduce((sum, each) => sum + each, 0),
    failures: 0,
  });
  const histogram = (counts: readonly number[]): readonly (readonly [number, number])[] =>
    counts.map((each, index) => [places[index] ?? 0, each] as const).filter(([, each]) => each > 0);
  return {
    atMs,
    candidate: requests(candidate),
    stable: requests(stable),
    latency: { candidate: histogram(candidate), stable: histogram(stable) },
  };
}

function multinomial(
  requests: number,
  shares: readonly number[],
): readonly { readonly counts: readonly number[]; readonly chance: number }[] {
  const [a = 0, b = 0, c = 0] = shares;
  const all: { counts: readonly number[]; chance: number }[] = [];
  for (let first = 0; first <= requests; first += 1) {
    for (let second = 0; second <= requests - first; second += 1) {
      const third = requests - first - second;
      const ways = choose(requests, first) * choose(requests - first, second);
      all.push({
        counts: [first, second, third],
        chance: ways * a ** first * b ** second * c ** third,
      });
    }
  }
  return all;
}

function chanceOf(requests: number, failures: number, failureRatio: number): number {
  return (
    choose(requests, failures) *
    failureRatio ** failures *
    (1 - failureRatio) ** (requests - failures)
  );
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let index = 1; index <= k; index += 1) ways = (ways * (n - k + index)) / index;
  return ways;
}
