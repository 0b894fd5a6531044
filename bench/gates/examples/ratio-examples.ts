import {
  type Block,
  clampRatio,
  logArmRatio,
  logLikelihoodRatio,
  logSumExp,
  onMargin,
  pooled,
  type RatePair,
  sizesOf,
} from '../../../src/domain/gate/e-variable.ts';
import { budgetShares } from '../../../src/domain/gate/gate-state.ts';
import { healthyWeights, logMarginEvidences } from '../../../src/domain/gate/non-inferiority.ts';
import {
  advance,
  alternativeWeights,
  evidenceOf,
  openMixture,
  worseRatios,
} from '../../../src/domain/gate/onset-mixture.ts';
import { logWorse } from '../../../src/domain/gate/worse-alternatives.ts';
import { figure, type WrittenBlock } from './written-block.ts';

/** Worked examples of the comparison of two failure ratios. */
export function ratioExamples(): readonly WrittenBlock[] {
  return [
    { name: 'example-lemma', text: lemmaExample() },
    { name: 'example-worse', text: worseExample() },
    { name: 'example-alternatives', text: alternativesExample() },
    { name: 'example-onset', text: onsetExample() },
    { name: 'example-budget', text: budgetExample() },
    { name: 'example-strata', text: strataExample() },
    { name: 'example-margin', text: marginExample() },
    { name: 'example-numerics', text: numericsExample() },
  ];
}

/** The mean of E by adding up all outcomes of 2 candidate and 3 stable requests. */
function lemmaExample(): string {
  const alternative = { candidateRatio: 0.5, stableRatio: 0.1 };
  const sizes = { candidate: 2, stable: 3 };
  const nearest = pooled(sizes, alternative);
  const meanAt = ({ candidateRatio, stableRatio }: RatePair): number => {
    let mean = 0;
    for (let candidate = 0; candidate <= 2; candidate += 1) {
      for (let stable = 0; stable <= 3; stable += 1) {
        const block = blockOf([candidate, 2], [stable, 3]);
        const chance =
          binomialChance(2, candidate, candidateRatio) * binomialChance(3, stable, stableRatio);
        mean += chance * Math.exp(logLikelihoodRatio(block, alternative, nearest));
      }
    }
    return mean;
  };
  const at = (candidateRatio: number, stableRatio: number): string =>
    figure(meanAt({ candidateRatio, stableRatio }));
  return (
    `Example, all outcomes added up: 2 candidate and 3 stable requests, \`t = (0.5, 0.1)\`, so \`x = ${figure(nearest.stableRatio)}\`.\n` +
    `The mean of E is ${at(nearest.candidateRatio, nearest.stableRatio)} at \`p_c = p_s = x\`, ${at(0.02, 0.02)} at \`p_c = p_s = 0.02\`, ${at(0.6, 0.6)} at \`p_c = p_s = 0.6\`,\n` +
    `${at(0.1, 0.3)} at \`(0.1, 0.3)\`; and where the candidate is worse, at \`(0.5, 0.1)\`, it is ${at(0.5, 0.1)}.`
  );
}

function worseExample(): string {
  const block = blockOf([4, 4], [0, 76]);
  const alternative = { candidateRatio: 0.97, stableRatio: 0.005 };
  const nearest = pooled(sizesOf(block), alternative);
  const log = logLikelihoodRatio(block, alternative, nearest);
  const failed = 4 * Math.log(alternative.candidateRatio / nearest.stableRatio);
  return (
    `Example: 4 of 4 candidate requests and 0 of 76 stable ones fail, \`t = (0.97, 0.005)\`. Then \`w = 0.05\`,\n` +
    `\`x = 0.05 * 0.97 + 0.95 * 0.005 = ${figure(nearest.stableRatio)}\` and \`log E = ${figure(failed)} + ${figure(log - failed)} = ${figure(log)}\`, so \`E = ${figure(Math.exp(log), 2)}\`.`
  );
}

function alternativesExample(): string {
  const ratios = worseRatios(0.001).map((ratio) => figure(ratio, 3));
  const logs = logWorse(blockOf([1, 40], [0, 760]), 0.001);
  const block = logs.map((log) => figure(log, 2));
  let mean = 0;
  for (const [index, log] of logs.entries()) {
    mean += (alternativeWeights[index] ?? 0) * Math.exp(log);
  }
  return (
    `Example: stable is known to fail 0.1 %. The alternatives for the candidate are ${ratios.join(', ')},\n` +
    `with weights ${alternativeWeights.join(', ')}.\n` +
    `A block of 1 failure in 40 candidate requests and 0 in 760 stable ones gives them \`log E\` of ${block.join(', ')};\n` +
    `their weighted average is \`E = ${figure(mean, 3)}\`.`
  );
}

function onsetExample(): string {
  const open = openMixture([1], 0, 60_000);
  const quiet = (atMs: number): string => figure(advance(open, [1], atMs, [0]).inPlayRatio);
  const hit = advance(open, [1], 10_000, [Math.log(100)]);
  return (
    `Example with one alternative and 60 s planned: ${figure(open.inPlayRatio)} of the mass is in play at once, ${quiet(10_000)} at 10 s, ${quiet(60_000)} at\n` +
    `60 s, ${quiet(120_000)} at 120 s. One block with \`E = 100\` at 10 s makes \`W = ${figure(1 - hit.inPlayRatio)} + ${figure(hit.inPlayRatio)} * 100 = ${figure(evidenceOf(hit))}\`.`
  );
}

function budgetExample(): string {
  const { errors, latency, bake } = budgetShares;
  const total = errors * 2000 + latency * 0.5 + bake;
  return (
    `The parts are ${errors} errors, ${latency} latency, ${bake} bake. Example: evidence of 2,000 in errors, 0.5 in latency, the bake not begun (1):\n` +
    `\`W = ${errors} * 2,000 + ${latency} * 0.5 + ${bake} * 1 = ${figure(total, 6)}\`, over the limit of 1,000. Errors alone need some ${figure(1000 / errors, 2)}.`
  );
}

/** The candidate has more of the route that fails; on neither route is it worse. */
function strataExample(): string {
  const search = blockOf([65, 1300], [50, 1000]);
  const others = blockOf([9, 8700], [9, 9000]);
  const all = blockOf([74, 10_000], [59, 10_000]);
  // Odds times 1.5, the least of the alternatives.
  const log = (block: Block, stableRatio: number): number => logWorse(block, stableRatio)[0] ?? 0;
  const inAll = log(all, 0.0059);
  const [bySearch, byOthers] = [log(search, 0.05), log(others, 0.001)];
  return (
    `Example (odds times 1.5): \`/search\` fails 5 % and gets 1,300 of the candidate's 10,000 requests, but 1,000 of stable's; all\n` +
    `else fails 0.1 %. Failures: 65 + 9 against 50 + 9. In all \`log E = ${figure(inAll, 3)}\`; by route \`${figure(bySearch, 3)} + ${figure(byOthers, 3)} = ${figure(bySearch + byOthers, 3)}\`.`
  );
}

function marginExample(): string {
  const sizes = { candidate: 400, stable: 400 };
  const alternative = { candidateRatio: 0.001, stableRatio: 0.001 };
  const nearest = onMargin(sizes, alternative, 0.0025);
  const block = blockOf([0, 400], [0, 400]);
  const logs = logMarginEvidences(block, 0.001, 0.0025);
  const mean = logSumExp(logs.map((log, at) => log + Math.log(healthyWeights[at] ?? 0)));
  const failing = logMarginEvidences(blockOf([3, 400], [0, 400]), 0.001, 0.0025)[0] ?? 0;
  return (
    `Example: 400 requests in each arm, stable is known to fail 0.1 %, margin 0.25 points. The projection of \`t = (0.001, 0.001)\`\n` +
    `is \`(${figure(nearest.candidateRatio)}, ${figure(nearest.stableRatio)})\`. Without a failure the three alternatives give \`log E\` of ${logs.map((log) => figure(log, 3)).join(', ')}, on average\n` +
    `\`E = ${figure(Math.exp(mean), 3)}\`. With 3 failures of the candidate the first is ${figure(failing, 3)}.`
  );
}

function numericsExample(): string {
  const tiny = logArmRatio({ requests: 1e9, failures: 0 }, 2e-6, 1e-6);
  return (
    `Example: \`clampRatio(0)\` is ${clampRatio(0)}; a billion good requests against \`t = 2e-6, x = 1e-6\` give \`log E = ${figure(tiny, 6)}\`,\n` +
    `without the cancellation that \`log(1 - t) - log(1 - x)\` would have. A block's \`log E\` enters the product at 200 at most.`
  );
}

function blockOf(
  candidate: readonly [failures: number, requests: number],
  stable: readonly [failures: number, requests: number],
): Block {
  const count = ([failures, requests]: readonly [number, number]) => ({ failures, requests });
  return { candidate: count(candidate), stable: count(stable) };
}

function binomialChance(requests: number, failures: number, ratio: number): number {
  let ways = 1;
  for (let index = 0; index < failures; index += 1) ways *= (requests - index) / (index + 1);
  return ways * ratio ** failures * (1 - ratio) ** (requests - failures);
}
