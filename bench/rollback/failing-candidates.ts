import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../form.ts';
import type { BenchService, World } from '../world.ts';
import { Traffic } from './traffic.ts';

export const requestsPerSecond = 800;
export const sharePercent = 5;

export interface RollbackRun {
  /** Answers 5xx that users got because of this candidate. */
  readonly failedRequests: number;
  /** From the first failed request to the decision, too long by 20 ms at most. */
  readonly decidedMs: number;
  /** From the first failed request until the gateway has confirmed weight 0. */
  readonly inForceMs: number;
}

/** What is wrong with a candidate. */
export interface Fault {
  readonly name: string;
  readonly failureRatio: number;
  readonly env: Readonly<Record<string, string>>;
}

export const dead: Fault = { name: 'dead', failureRatio: 1, env: { FAIL_PERCENT: '100' } };
export const fivePercent: Fault = {
  name: '5 % failing',
  failureRatio: 0.05,
  env: { FAIL_PERCENT: '5', FAIL_SPREAD: 'dice' },
};

/** One service, one load, and one bad candidate after the other; each must be rolled back. */
export async function releaseFailing(
  world: World,
  faults: readonly Fault[],
  options: BenchOptions,
): Promise<ReadonlyMap<Fault, readonly RollbackRun[]>> {
  const service = `failing-${faults.length}`;
  const good: BenchService = { name: service, version: 'good', env: {}, rollout };
  await world.release(good);
  await using traffic = new Traffic(world, service, requestsPerSecond);
  await sleep(warmUpMs);
  const runs = new Map<Fault, RollbackRun[]>();
  for (const [index, fault] of faults.entries()) {
    options.signal.throwIfAborted();
    const version = `bad-${index + 1}`;
    const env = { ...fault.env, RUN: version };
    const run = await runOnce(world, { ...good, version, env }, traffic);
    runs.set(fault, [...(runs.get(fault) ?? []), run]);
    const { failedRequests, decidedMs, inForceMs } = run;
    options.say(
      `${fault.name} ${index + 1}/${faults.length}: ${failedRequests} failed requests, decided after ${decidedMs} ms, in force after ${inForceMs} ms`,
    );
  }
  return runs;
}

/** The gate is the default one; only the first share is fixed. */
const rollout = { steps: [`${sharePercent}%`, '25%', '50%', '100%'] };
/** Connections are open and code is compiled before the first candidate comes. */
const warmUpMs = 2_000;
/** What ended just before the way back is told by the load process within this time. */
const lastWordsMs = 250;

async function runOnce(
  world: World,
  candidate: BenchService,
  traffic: Traffic,
): Promise<RollbackRun> {
  const { entries } = (await world.status()).ledger;
  const fromMs = Date.now();
  const outcome = await world.release(candidate);
  if (outcome !== 'rolled-back') throw new Error(`${candidate.version} was ${outcome}`);
  await sleep(lastWordsMs);
  const events = await world.events(candidate.name, entries);
  const momentOf = (decision: string): number => {
    const found = events.find((event) => event.decision === decision);
    if (found === undefined) throw new Error(`${candidate.version} has no entry ${decision}`);
    return Date.parse(found.at);
  };
  const firstMs = traffic.firstFailureAtMs(fromMs);
  if (firstMs === null) throw new Error(`${candidate.version} failed no request`);
  return {
    failedRequests: traffic.failuresBetween(fromMs, Date.now()),
    decidedMs: momentOf('roll-back') - firstMs,
    inForceMs: momentOf('rolled-back') - firstMs,
  };
}
