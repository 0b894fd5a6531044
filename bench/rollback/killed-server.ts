import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../form.ts';
import { type BenchService, waitFor, type World } from '../world.ts';
import { checkLedger, type LedgerCheck, type ShownHead } from './ledger-check.ts';
import { Traffic } from './traffic.ts';

const services = ['killed-1', 'killed-2'] as const;
const requestsPerSecondEach = 200;
/** A kill falls this long after the server was ready, at most, and at least: with rollouts of some seconds, anywhere. */
const lifeMsMax = 1_500;
/** How long the server stays away. */
const awayMsMax = 300;

export interface KillResult {
  readonly kills: number;
  readonly requests: number;
  /** Candidates are healthy here, so each failed request would be the kills' doing. */
  readonly failedRequests: number;
  readonly unendedRollouts: number;
  readonly gatewayRestarts: number;
  readonly killsDuringRollouts: number;
  readonly ledger: LedgerCheck;
}

/**
 * Kills the server again and again while rollouts follow each other under load. Begins no kill after `untilMs` on the
 * monotonic clock.
 */
export async function killServers(
  world: World,
  plan: { readonly kills: number; readonly untilMs: number },
  options: BenchOptions,
): Promise<KillResult> {
  await using resources = new AsyncDisposableStack();
  const loads: Traffic[] = [];
  for (const name of services) {
    await world.release(serviceOf(name, 0));
    loads.push(resources.use(new Traffic(world, name, requestsPerSecondEach)));
  }
  const drivers = services.map((name) => new Driver(world, name));
  const driving = Promise.all(drivers.map((driver) => driver.run()));
  const shown: ShownHead[] = [];
  let killsDuringRollouts = 0;
  let kills = 0;
  while (kills < plan.kills && performance.now() < plan.untilMs) {
    options.signal.throwIfAborted();
    kills += 1;
    await sleep(Math.random() * lifeMsMax);
    shown.push((await world.status()).ledger);
    if (drivers.some((driver) => driver.isUnderWay)) killsDuringRollouts += 1;
    await world.killServer();
    await sleep(Math.random() * awayMsMax);
    await world.up();
    if (kills % 10 === 0 || kills === plan.kills) {
      const rollouts = drivers.reduce((sum, driver) => sum + driver.ended, 0);
      options.say(`${kills}/${plan.kills} kills, ${rollouts} rollouts have ended`);
    }
  }
  for (const driver of drivers) driver.stop();
  await driving;
  const results = await Promise.all(loads.map((load) => load.stop()));
  const started = new Set(drivers.flatMap((driver) => [...driver.rolloutIds]));
  return {
    kills,
    requests: results.reduce((sum, each) => sum + each.requests, 0),
    failedRequests: results.reduce((sum, each) => sum + each.errors + each.dropped, 0),
    unendedRollouts: drivers.filter((driver) => driver.isUnderWay).length,
    gatewayRestarts: (await world.status()).gateway.restarts,
    killsDuringRollouts,
    ledger: await checkLedger(world, shown, started),
  };
}

/** Releases one healthy candidate after the other, whether or not the server is there. */
class Driver {
  readonly rolloutIds = new Set<string>();
  ended = 0;
  isUnderWay = false;
  readonly #world: World;
  readonly #name: string;
  #isStopped = false;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<void> {
    for (let number = 1; !this.#isStopped; number += 1) {
      const wanted = serviceOf(this.#name, number);
      this.isUnderWay = true;
      await waitFor(
        `the end of ${this.#name} ${wanted.version}`,
        () => this.#step(wanted),
        120_000,
      );
      this.isUnderWay = false;
      this.ended += 1;
    }
  }

  /** True: the wanted version's rollout has ended. Applies again when the server has never heard of it. */
  async #step(wanted: BenchService): Promise<boolean> {
    try {
      const { rollout } = (await this.#world.service(this.#name)).status;
      if (rollout?.to.version === wanted.version) {
        this.rolloutIds.add(rollout.id);
        return rollout.phase === 'promoted' || rollout.phase === 'rolled-back';
      }
      const rolloutId = await this.#world.apply(wanted);
      if (rolloutId !== null) this.rolloutIds.add(rolloutId);
    } catch (error) {
      // The server is away, which is what is tried here; a refusal is a defect of this benchmark.
      if (error instanceof Error && error.message.includes('was answered 4')) throw error;
    }
    return false;
  }
}

function serviceOf(name: string, number: number): BenchService {
  // Short, so that kills fall into every part of a rollout and many rollouts see one.
  const gate = { worseBy: '10pp', soak: '200ms' };
  const rollout = { steps: ['25%', '50%', '100%'], gate, bake: '200ms' };
  return { name, version: `v${number}`, env: {}, rollout };
}
