import { availableParallelism } from 'node:os';
import type { BenchOptions } from '../form.ts';
import { type Contender, shared, start } from './contenders.ts';
import type { OpenPlace } from './place.ts';
import { Processes } from './programs.ts';
import { readThroughput, ReadingTable } from './readings.ts';

export interface SpeedupPlan {
  readonly starts: number;
  readonly roundsPerStart: number;
  readonly seconds: number;
  readonly warmRounds: number;
}

interface Measuring {
  readonly place: OpenPlace;
  readonly able: readonly Contender[];
  readonly plan: SpeedupPlan;
  readonly options: BenchOptions;
  readonly table: ReadingTable;
}

/** With a third core the load has one for itself. */
const cores = availableParallelism() >= 3 ? '1,2' : '0,1';

/** Reads what one and two workers, or threads, cost a request, on the same two cores. */
export async function measureSpeedup(measuring: Measuring): Promise<void> {
  const { place, able, plan, options, table } = measuring;
  for (let time = 1; time <= plan.starts; time += 1) {
    await using processes = new Processes(cores);
    const running = [];
    for (const contender of able) running.push(await start(contender, place, processes));
    const reading = { seconds: plan.seconds, signal: options.signal };
    for (let round = 0; round < plan.warmRounds; round += 1) {
      const second = { seconds: 1, signal: options.signal };
      for (const each of running) await readThroughput(each, new ReadingTable().of(''), second);
    }
    for (let round = 1; round <= plan.roundsPerStart; round += 1) {
      for (const each of running) {
        await readThroughput(each, table.of(each.contender.name), reading);
      }
      options.say(
        `start ${time} of ${plan.starts}: workers, round ${round} of ${plan.roundsPerStart}`,
      );
    }
  }
}

/**
 * How many times the requests of one that two do, by what a request costs of CPU: 2 if a second one costs nothing. By requests a
 * second it could be read only where load and backend have cores of their own.
 */
export function speedupOf(table: ReadingTable, of: keyof typeof shared): number | null {
  const [one, two] = shared[of];
  const ratio =
    one === undefined || two === undefined ? null : table.ratio('cpuUs', one.name, two.name);
  return ratio === null ? null : 2 * ratio;
}
