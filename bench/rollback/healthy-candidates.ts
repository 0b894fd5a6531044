import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../form.ts';
import type { BenchService, World } from '../world.ts';
import { Traffic } from './traffic.ts';

const services = ['healthy-1', 'healthy-2'] as const;
const requestsPerSecondEach = 400;

export interface HealthyResult {
  readonly rollouts: number;
  readonly rolledBack: number;
  readonly requests: number;
  readonly failedRequests: number;
}

/**
 * Rollouts of candidates that are exactly as good as stable, which fails 0.5 % of its requests by chance: without any
 * failure there would be nothing that a gate could take for harm.
 */
export async function releaseHealthy(
  world: World,
  count: number,
  options: BenchOptions,
): Promise<HealthyResult> {
  await using resources = new AsyncDisposableStack();
  const loads: Traffic[] = [];
  for (const name of services) {
    await world.release(healthy(name, 'v0'));
    loads.push(resources.use(new Traffic(world, name, requestsPerSecondEach)));
  }
  await sleep(1_000);
  let begun = 0;
  let rolledBack = 0;
  const lane = async (name: string): Promise<void> => {
    while (begun < count) {
      options.signal.throwIfAborted();
      begun += 1;
      const number = begun;
      const startedMs = performance.now();
      const outcome = await world.release(healthy(name, `v${number}`), rolloutTimeoutMs);
      if (outcome === 'rolled-back') rolledBack += 1;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      options.say(`healthy ${number}/${count}: ${outcome} after ${seconds} s`);
    }
  };
  await Promise.all(services.map(lane));
  const results = await Promise.all(loads.map((load) => load.stop()));
  return {
    rollouts: count,
    rolledBack,
    requests: results.reduce((sum, each) => sum + each.requests, 0),
    failedRequests: results.reduce((sum, each) => sum + each.errors, 0),
  };
}

const rolloutTimeoutMs = 180_000;

function healthy(name: string, version: string): BenchService {
  const env = { FAIL_PERCENT: '0.5', FAIL_SPREAD: 'dice' };
  const gate = { worseBy: '3pp', soak: '1s' };
  return { name, version, env, rollout: { steps: ['25%', '50%', '100%'], gate, bake: '1s' } };
}
