import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { LoadProcess } from '../../../src/adapters/load/load-process.ts';
import { release } from '../../e2e/release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from '../../e2e/world.fixture.ts';
import { requireBuiltConsole } from './built-console.fixture.ts';
import { GuardedPage, type PageWish, signedIn, startChromium } from './chromium.fixture.ts';

/** What every service of the stage is in the middle of. */
export const services = {
  /** At rest, all well; asked by shop. */
  healthy: 'catalog',
  /** Depends on the healthy one, so that the graph has an edge. */
  front: 'shop',
  /** Its candidate failed and went back. */
  rolledBack: 'cart',
  /** Held by a person at half of the traffic. */
  paused: 'search',
  /** Its step waits for somebody's signature. */
  waiting: 'billing',
} as const;

const approvals = '{ weight: 20%, gate: false, approvals: { roles: { owner: 1 } } }';
/** Judged for longer than any test looks, so that it stays where it was paused. */
const patient = { worseBy: '3pp', soak: '20m', atMost: '40m' };

/** A server with real services in each state that a console has to show, load on them, and a browser. */
export class ConsoleStage implements AsyncDisposable {
  readonly world: World;
  readonly browser: Browser;
  readonly #loads: LoadProcess[] = [];

  static async open(): Promise<ConsoleStage> {
    await requireBuiltConsole();
    const world = await startWorld();
    try {
      return new ConsoleStage(world, await startChromium());
    } catch (error) {
      await world.discard();
      throw error;
    }
  }

  private constructor(world: World, browser: Browser) {
    this.world = world;
    this.browser = browser;
  }

  get origin(): string {
    return this.world.apiUrl;
  }

  /** Brings every service to where it is to stand. */
  async set(): Promise<void> {
    const { world } = this;
    const names = Object.values(services);
    const firsts = names.map((name) => release({ name, version: 'v1', ...dependenciesOf(name) }));
    await world.applyAndWait(firsts.join('---\n'));
    for (const service of [services.rolledBack, services.paused, services.healthy]) {
      this.load(service, 40);
    }
    await this.#enrolOwner();
    const { rolledBack, paused, waiting } = services;
    const candidates = [
      release({ name: rolledBack, version: 'v2', faults: { FAIL_PERCENT: '60' } }),
      release({ name: paused, version: 'v2', steps: ['50%', '100%'], gate: patient }),
      release({ name: waiting, version: 'v2', steps: [approvals, '100%'] }),
    ];
    await world.apply(candidates.join('---\n'));
    await waitFor('a measured share of what is to be paused', async () => {
      const { rollout } = (await world.service(paused)).status;
      return rollout?.phase === 'judging' && (rollout.measuredSharePercent ?? 0) > 0;
    });
    await world.must('rollout', 'pause', paused);
    assert.equal((await rolloutEnd(world, rolledBack)).outcome, 'rolled-back');
    await waitFor('a request for approval', async () =>
      (await world.must('approvals')).stdout.includes(waiting),
    );
  }

  load(service: string, rps: number): void {
    this.#loads.push(this.world.load({ service, rps, connections: 2 }));
  }

  /** A window that nobody has signed in to. */
  async window(wish: Partial<PageWish> = {}): Promise<GuardedPage> {
    return GuardedPage.open(this.browser, { origin: this.origin, ...wish });
  }

  /** A window whose person has signed in with this token; absent: the owner's. It shows the table and is live. */
  async signedIn(wish: Partial<PageWish> & { readonly token?: string } = {}): Promise<GuardedPage> {
    const { token = await this.world.token(), ...window } = wish;
    return signedIn(await this.window(window), token);
  }

  /** A token of `person`, as `tidegate token create` prints it. */
  async tokenOf(person: string, role: string): Promise<string> {
    const made = ['token', 'create', person, '--role', role, '--service', '*/*', '--expires', '1d'];
    return (await this.world.must(...made)).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    for (const load of this.#loads) await load[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }

  async #enrolOwner(): Promise<void> {
    const { world } = this;
    const key = join(world.folder, 'olga.key.json');
    const { stdout } = await world.must('key', 'new', '--person', 'olga', '--key', key);
    const file = await world.write(stdout, 'olga.enrolment.json');
    await world.must('key', 'enrol', file, '--role', 'owner');
  }
}

function dependenciesOf(name: string): { readonly dependsOn?: readonly string[] } {
  return name === services.front ? { dependsOn: [services.healthy] } : {};
}
