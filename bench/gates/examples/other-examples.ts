import {
  addToInterval,
  differenceBounds,
  openDifferenceInterval,
} from '../../../src/domain/gate/difference-interval.ts';
import { upperRatio } from '../../../src/domain/gate/before-after.ts';
import { logArmRatio } from '../../../src/domain/gate/e-variable.ts';
import { requestsToPass, requestsToRollBack } from '../../../src/domain/gate/expected-requests.ts';
import { logSlower, slowerRatios } from '../../../src/domain/gate/latency-alternatives.ts';
import {
  addToScale,
  emptyScale,
  scaleLength,
  scaleLowerUs,
  withTolerance,
} from '../../../src/domain/gate/latency-scale.ts';
import { evidenceOf } from '../../../src/domain/gate/onset-mixture.ts';
import { openPark, weighPark } from '../../../src/domain/gate/park.ts';
import { natsAgainst } from '../../../src/domain/gate/required-requests.ts';
import { badness, logUnits, openUnitLane } from '../../../src/domain/gate/unit-lane.ts';
import { logWorse } from '../../../src/domain/gate/worse-alternatives.ts';
import { waldRequests } from '../bounds.ts';
import { studySettings } from '../study-settings.ts';
import { histogram, scaled } from '../latency-stream.ts';
import { seededSource } from '../random.ts';
import { figure, type WrittenBlock } from './written-block.ts';

/** Worked examples of everything but the comparison of two failure ratios. */
export function otherExamples(): readonly WrittenBlock[] {
  return [
    { name: 'example-latency', text: latencyExample() },
    { name: 'example-tolerance', text: toleranceExample() },
    { name: 'example-units', text: unitsExample() },
    { name: 'example-park', text: parkExample() },
    { name: 'example-placebo', text: placeboExample() },
    { name: 'example-objective', text: objectiveExample() },
    { name: 'example-share', text: shareExample() },
    { name: 'example-interval', text: intervalExample() },
    { name: 'example-requests', text: requestsExample() },
    { name: 'example-before', text: beforeExample() },
  ];
}

/** Stable's latencies are those of the drawing; the block is small enough to be followed by hand. */
function latencyExample(): string {
  const drawn = histogram(seededSource('worked latency', 1), scaled(1).fine, 100_000);
  const counts = addToScale(emptyScale, drawn, 0);
  const shares = Array.from(
    { length: scaleLength },
    (_, place) => ((counts[place] ?? 0) + 0.1) / 100_005,
  );
  const alternatives = slowerRatios(shares);
  const [usual, slow] = [placeOf(80_000), placeOf(500_000)];
  const block = (atUsual: number, atSlow: number): readonly number[] =>
    shares.map((_, place) => (place === usual ? atUsual : place === slow ? atSlow : 0));
  const logs = logSlower(alternatives, block(2, 2), block(74, 2));
  // All latencies times 2.5.
  const [log, ratios] = [logs[3] ?? 0, alternatives.ratios[3]];
  const [atUsual, atSlow] = [ratios?.[usual] ?? 1, ratios?.[slow] ?? 1];
  const pooledAt = (ratio: number): string => figure(1 + 0.05 * (ratio - 1), 3);
  return (
    `Example, stable as in the drawing of the guide, alternative "all latencies times 2.5": at 80 ms \`r = ${figure(atUsual, 3)}\`, at 500 ms\n` +
    `\`r = ${figure(atSlow, 3)}\`. The candidate has 2 requests at 80 ms and 2 at 500 ms, stable 74 and 2: \`w = 4/80 = 0.05\`, \`m = ${pooledAt(atUsual)}\` and \`${pooledAt(atSlow)}\`,\n` +
    `\`log E = 2 log ${figure(atUsual, 3)} + 2 log ${figure(atSlow, 3)} - 76 log ${pooledAt(atUsual)} - 4 log ${pooledAt(atSlow)} = ${figure(log, 3)}\`, \`E = ${figure(Math.exp(log), 2)}\`.`
  );
}

function placeOf(us: number): number {
  return Array.from({ length: scaleLength }, (_, place) => place).findLastIndex(
    (place) => scaleLowerUs(place) <= us,
  );
}

function toleranceExample(): string {
  const [slow, fast] = [withTolerance(80_000, 0.1), withTolerance(4000, 0.1)];
  return `Example with 10 %: beside 80 ms of stable the candidate may take ${figure(slow / 1000)} ms, beside 4 ms it may take ${figure(fast / 1000)} ms.`;
}

function unitsExample(): string {
  const stable = Array.from({ length: 38 }, () => 0);
  const rates = { candidateRatio: 0.97, stableRatio: 0.004 };
  const dead = logUnits([1, 1], stable, rates);
  const one = logUnits([1, 0], stable, rates);
  const bad =
    2 * Math.log(rates.candidateRatio / (0.05 * rates.candidateRatio + 0.95 * rates.stableRatio));
  const any = badness({ instanceId: 'one', requests: 100, failures: 1 }, 50);
  return (
    `Example: a window with 2 candidate units, both dead (\`z = 1\`), and 38 good stable ones, \`t = (0.97, 0.004)\`: the two bring\n` +
    `${figure(bad, 3)}, the 38 bring ${figure(dead - bad, 3)}, \`log E = ${figure(dead, 3)}\`. With one of the two dead it is ${figure(one, 3)}. The other \`z\`: of a unit with 1 failure in\n` +
    `100 requests, \`m = 50\` drawn ones hold it with a chance of ${figure(any)}.`
  );
}

function parkExample(): string {
  const none = openPark(0, 60_000);
  const lane = openUnitLane(5000, 0, 60_000);
  const pair = {
    candidate: { requests: 4, failures: 4 },
    stable: { requests: 76, failures: 0 },
  };
  const moment = { atMs: 0, plannedMs: 60_000, stableRatio: 0.005 };
  const { park } = weighPark({ park: none, lane }, pair, moment);
  const wanted = park.parkedAtMs === null ? 'no parking is asked for' : 'parking is asked for';
  return `Example: 4 of 4 candidate requests fail and 0 of 76 stable ones: \`W = ${figure(evidenceOf(park.severe), 2)}\`, ${wanted}.`;
}

function placeboExample(): string {
  const block = {
    candidate: { requests: 25, failures: 3 },
    stable: { requests: 900, failures: 2 },
  };
  const [, , , log = 0] = logWorse(block, 0.002);
  return `Example: the chosen stable instance fails 3 of 25 requests, the others 2 of 900: for odds times 12, \`log E = ${figure(log, 3)}\`.`;
}

function objectiveExample(): string {
  const log = logArmRatio({ requests: 400, failures: 12 }, 0.05, 0.01);
  return (
    `Example: "99 % succeed" (\`x = 0.01\`), alternative \`t = 0.05\`, 12 of 400 requests fail:\n` +
    `\`log E = 12 log 5 + 388 log(0.95/0.99) = ${figure(log, 3)}\`, \`E = ${figure(Math.exp(log), 3)}\`.`
  );
}

function shareExample(): string {
  const log = logArmRatio({ requests: 2000, failures: 40 }, 0.025, 0.045);
  return (
    `Example: 5 % are wanted and the candidate has 40 of 2,000 requests. The alternative "half of it" against the nearer end:\n` +
    `\`t = 0.025, x = 0.045\`, \`log E = ${figure(log, 3)}\`, \`E = ${figure(Math.exp(log), 3)}\`.`
  );
}

function intervalExample(): string {
  const second = {
    candidate: { requests: 40, failures: 0 },
    stable: { requests: 40, failures: 0 },
  };
  const after = (seconds: number): string => {
    let interval = openDifferenceInterval(0);
    for (let at = 0; at <= seconds; at += 1) {
      interval = addToInterval(interval, second, 1000 * at);
    }
    const { lowRatio, highRatio } = differenceBounds(interval);
    return `${figure(100 * lowRatio)} to +${figure(100 * highRatio)} points`;
  };
  return `Example: 40 good requests a second in each arm. After 10 s the interval is ${after(10)}, after 60 s ${after(60)}.`;
}

function requestsExample(): string {
  const situation = { shareRatio: 0.05, stableRatio: 0.001, candidateRatio: 0.051 };
  const all = requestsToRollBack(situation, studySettings);
  const passing = requestsToPass({ shareRatio: 0.5, stableRatio: 0.001 }, 0.0025, { limit: 100 });
  return (
    `Example: stable fails 0.1 %, the candidate 5.1 %, share 5 %. A request brings ${figure(natsAgainst(situation))} nats at best; half of all releases\n` +
    `are rolled back within ${figure(all, 3)} requests, ${figure(0.05 * all, 2)} of them the candidate's; Wald's bound is ${figure(waldRequests(situation, 0.001), 2)}. To show a healthy candidate not worse than\n` +
    `+0.25 points at 50 % takes ${figure(passing, 2)} requests.`
  );
}

/** The largest ratio that 30 of 30,000 still allow. */
function beforeExample(): string {
  const delta = 0.001 / 20;
  const bound = upperRatio({ requests: 30_000, failures: 30 }, -Math.log(delta));
  return (
    `Example: 30 of 30,000 requests failed before (0.1 %); with \`delta = ${delta}\` the bound is ${figure(100 * bound, 3)} %, and with a margin of 0.25\n` +
    `points the candidate may fail ${figure(100 * bound + 0.25, 3)} % before anything is won against it.`
  );
}
