import { runModel } from '../../src/apps/gateway/cache/model.fixture.ts';
import type { BenchOptions, BenchReport } from '../form.ts';

const seed = 20_261_122;
const sequences = 10_000;
/** Told after so many, and stopped there if it is wanted. */
const sequencesEach = 1000;
/** Of each kind: what is left out on purpose has to be found. */
const plantedSequences = 100;
const plants = ['purges', 'unsafe requests', 'revisions'] as const;

/** Random requests, invalidations and rollouts at the gateway's own cache, against the model of RFC 9111. */
export async function readModel({ say, signal }: BenchOptions): Promise<BenchReport> {
  let served = 0;
  const mistakes: string[] = [];
  for (let turn = 0; turn < sequences / sequencesEach; turn += 1) {
    // Between two turns it can be interrupted.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    const result = runModel(seed + turn, sequencesEach);
    served += result.served;
    mistakes.push(...result.mistakes);
  }
  const found = plants.map((plant) => ({
    plant,
    mistakes: runModel(seed, plantedSequences, plant).mistakes.length,
  }));
  say(`${sequences} sequences, ${served} answers of the cache, ${mistakes.length} mistakes`);
  const isFound = found.every((each) => each.mistakes > 0);
  return {
    tables: [
      {
        heads: ['A CACHE AND THE MODEL OF RFC 9111', 'SEQUENCES', 'MISTAKES'],
        rows: [
          ['as it is', String(sequences), String(mistakes.length)],
          ...found.map((each) => [
            `without ${each.plant}`,
            String(plantedSequences),
            String(each.mistakes),
          ]),
        ],
      },
    ],
    notes: [
      `${served} answers of the cache were looked at: stale, another's, removed, or not to be shared.`,
      ...mistakes.slice(0, 3),
      ...(isFound
        ? []
        : ['The model did not find what was left out on purpose, so it shows nothing.']),
    ],
    result: {
      cacheModelSequences: sequences,
      cacheModelMistakes: isFound ? mistakes.length : null,
    },
  };
}
