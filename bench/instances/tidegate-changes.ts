import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectFolder, waitFor, World } from '../world.ts';
import { type Failures, SteadyLoad } from './steady-load.ts';

/** Failed requests of users in each change of one round, and how long the way back took. */
export interface ChangeRound {
  readonly restart: Failures;
  readonly rolling: Failures;
  readonly switch: Failures;
  readonly rollback: Failures;
  /** From the decision to go back until nothing was sent to the new version any more. */
  readonly rollbackMs: number;
}

export interface Changes {
  readonly rounds: readonly ChangeRound[];
  readonly requests: number;
}

/** What is counted after a change is over: late answers of requests that met it. */
const echoMs = 1_000;
const endMs = 180_000;

/** A page of three instances: restarted, rolled, then switched to the next version by blue-green, and undone; `rounds` times. */
export async function tidegateChanges(
  how: { readonly rounds: number; readonly perSecond: number },
  say: (line: string) => void,
): Promise<Changes> {
  await using world = await World.open();
  await apply(world, 1, {});
  await world.ended('page', endMs);
  const port = Number(new URL(world.gatewayUrl).port);
  await using load = new SteadyLoad({ port, host: 'page.localhost', perSecond: how.perSecond });
  await sleep(2 * echoMs);
  const rounds: ChangeRound[] = [];
  for (let round = 0; round < how.rounds; round += 1) {
    rounds.push(await oneRound(world, load, 2 + 2 * round));
    say(`tidegate, round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`);
  }
  return { rounds, requests: await load.stop() };
}

async function oneRound(world: World, load: SteadyLoad, version: number): Promise<ChangeRound> {
  const during = async (change: () => Promise<void>): Promise<Failures> => {
    const fromMs = Date.now();
    await change();
    await sleep(echoMs);
    return load.failures(fromMs, Date.now());
  };
  const restart = await during(async () => {
    await world.tidegate('restart', 'page', '--timeout', '3m');
  });
  const rolling = await during(async () => {
    await apply(world, version, { strategy: 'rolling', bake: '0s' });
    const end = await world.ended('page', endMs);
    if (end !== 'promoted') throw new Error(`version ${version} was ${end}`);
  });
  const switched = await during(async () => {
    await apply(world, version + 1, { strategy: 'blueGreen', bake: '10m' });
    const isBaking = async () => (await world.service('page')).status.rollout?.phase === 'baking';
    await waitFor('the switch', isBaking, endMs);
  });
  const rollback = await during(async () => {
    await world.tidegate('rollout', 'undo', 'page');
    await world.ended('page', endMs);
  });
  const { cause, endedAt } = (await world.service('page')).status.rollout ?? {};
  const rollbackMs = Date.parse(endedAt ?? '') - Date.parse(cause?.at ?? '');
  return { restart, rolling, switch: switched, rollback, rollbackMs };
}

/** The page of examples/strategies, as a release file of JSON, which is YAML. */
async function apply(world: World, version: number, rollout: object): Promise<void> {
  const text = JSON.stringify({
    apiVersion: 'tidegate.dev/v1',
    kind: 'Service',
    metadata: { name: 'page', labels: { version: `v${version}` } },
    spec: {
      run: { command: ['node', 'page.js'], env: { VERSION: `v${version}` } },
      scale: { min: 3 },
      rollout,
    },
  });
  await world.applyText(join(projectFolder, 'examples', 'strategies', 'page.yaml'), text);
}
