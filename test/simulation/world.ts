import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { MemoryMachine, MemoryPlatform } from '../../src/adapters/memory/memory-platform.ts';
import type { PlatformScript } from '../../src/adapters/memory/platform-script.ts';
import { MemoryStandbyChecker } from '../../src/adapters/memory/memory-standby-checker.ts';
import { MemoryRouter } from '../../src/adapters/memory/memory-router.ts';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';
import type { LedgerStore } from '../../src/ports/ledger-store.ts';
import { DataPlane } from './data-plane.ts';
import { faultyPorts, type Ports, witnessedStore } from './faulty-ports.ts';
import type { Happening } from './happening.ts';
import { Random } from './random.ts';
import type { Behaviour, Crash, Fault, FaultKind, Hand, Scenario } from './scenario.ts';
import { isDeadFromStart } from './strategies.ts';
import { ServerProcess } from './server-process.ts';
import { ProcessClock, VirtualTime } from './virtual-clock.ts';
import { Witness } from './witness.ts';

/** Any moment does; this one reads well. */
const startMs = Date.UTC(2026, 0, 1);
/** Users' requests are counted this often, half an interval beside the ticks. */
const sampleMs = 1_000;
/** A crash that waits for a call that doesn't come happens anyway after this. */
const crashPatienceMs = 4_000;
/** What starts servers tries again after this when one did not come up, or ended by itself. */
const restartMs = 2_000;
/** A server asked to stop that is still there by then has hung. */
const stopPatienceMs = 30_000;
/** Of a standby. */
const checkTakesMs = 1_500;

/** How a world went, seen from outside. */
export interface Story {
  readonly scenario: Scenario;
  /** All times in happenings count from here. */
  readonly startMs: number;
  readonly endedAtMs: number;
  readonly happenings: readonly Happening[];
  readonly table: RouteTable | null;
  /** Revisions with an instance that nobody has asked to stop, each once. */
  readonly running: readonly string[];
  readonly store: LedgerStore;
  readonly crashes: number;
}

/** Puts something broken between the control plane and the world: the planted violations of the suite. */
export type Break = (ports: Ports) => Ports;

/** Lets a world happen from its seed to its end. Nothing of it depends on anything but the scenario. */
export async function happen(
  scenario: Scenario,
  sabotage: Break = (ports) => ports,
): Promise<Story> {
  const world = new World(scenario, sabotage);
  return world.run();
}

class World {
  readonly #scenario: Scenario;
  readonly #time = new VirtualTime(startMs);
  readonly #random: Random;
  readonly #machine = new MemoryMachine();
  readonly #router: MemoryRouter;
  readonly #ledger = new MemoryLedgerStore();
  readonly #witness: Witness;
  readonly #plane: DataPlane;
  readonly #ports: Ports;
  #process: ServerProcess | null = null;
  readonly #started: ServerProcess[] = [];
  #crashes = 0;
  #armed: { readonly crash: Crash; calls: number } | null = null;
  #restHeldSinceMs: number | null = null;

  constructor(scenario: Scenario, sabotage: Break) {
    this.#scenario = scenario;
    this.#random = new Random(scenario.seed ^ 0x5bd1e995);
    const clock = new ProcessClock(this.#time, 0);
    this.#router = new MemoryRouter(clock);
    this.#witness = new Witness(this.#time, this.#router, this.#machine);
    this.#plane = new DataPlane({
      time: this.#time,
      startMs,
      router: this.#router,
      machine: this.#machine,
      random: this.#random,
      seed: scenario.seed ^ 0x68e31da4,
      witness: this.#witness,
      services: scenario.services,
      isFaultOn: (kind) => this.#fault(kind) !== null,
    });
    this.#ports = sabotage({
      platform: new MemoryPlatform({ clock, machine: this.#machine }),
      router: this.#router,
      store: witnessedStore(this.#ledger, this.#witness),
      standby: new MemoryStandbyChecker({
        clock,
        table: () => this.#router.table,
        answer: (revisionId) => this.#standbyAnswer(revisionId),
        takesMs: checkTakesMs,
      }),
    });
    for (const { behaviours, stopTakesMs } of scenario.services) {
      for (const [revisionId, behaviour] of behaviours) {
        this.#machine.script(revisionId, { ...scriptOf(behaviour), stopTakesMs });
      }
    }
  }

  async run(): Promise<Story> {
    const { hands, crashes, endAtMs, quietAtMs } = this.#scenario;
    for (const hand of hands) this.#at(hand.atMs, () => this.#lend(hand));
    for (const crash of crashes) this.#at(crash.atMs, () => this.#arm(crash));
    this.#serveLater(sampleMs / 2);
    this.#startLater(0, 0);
    await this.#time.advance(startMs + quietAtMs);
    await this.#time.advance(startMs + endAtMs, () => this.#isAtRest());
    const running = [...this.#machine.instances.values()].filter((each) => each.goneAtMs === null);
    const story: Story = {
      scenario: this.#scenario,
      startMs,
      endedAtMs: this.#time.nowMs,
      happenings: this.#witness.happenings,
      table: this.#router.table,
      running: [...new Set(running.map((each) => each.revision.id))],
      store: this.#ledger,
      crashes: this.#crashes,
    };
    for (const each of this.#started) each.bury();
    return story;
  }

  /** Every rollout has ended, and has stayed so for a while: nothing more will come. */
  #isAtRest(): boolean {
    const states = this.#process?.services ?? null;
    const isRest = states !== null && states.every((isActive) => !isActive);
    const nowMs = this.#time.nowMs;
    if (!isRest) this.#restHeldSinceMs = null;
    else this.#restHeldSinceMs ??= nowMs;
    return this.#restHeldSinceMs !== null && nowMs - this.#restHeldSinceMs > 20_000;
  }

  #at(afterMs: number, act: () => void): void {
    this.#time.at(startMs + afterMs, act);
  }

  #serveLater(afterMs: number): void {
    this.#at(afterMs, () => {
      this.#plane.serve(sampleMs);
      this.#serveLater(afterMs + sampleMs);
    });
  }

  #fault(kind: FaultKind): Fault | null {
    const nowMs = this.#time.nowMs - startMs;
    return (
      this.#scenario.faults.find(
        (each) => each.kind === kind && each.fromMs <= nowMs && nowMs < each.untilMs,
      ) ?? null
    );
  }

  /** What was started is not always what runs: it may end while it starts, and is then tried again. */
  #startLater(afterMs: number, clockOffsetMs: number): void {
    this.#time.at(this.#time.nowMs + afterMs, () => {
      const clock = new ProcessClock(this.#time, clockOffsetMs);
      const process: ServerProcess = new ServerProcess({
        clock,
        tickMs: this.#scenario.tickMs,
        metrics: this.#plane,
        ports: faultyPorts(this.#ports, {
          clock,
          random: this.#random,
          witness: this.#witness,
          fault: (kind) => this.#fault(kind),
          isUnstartable: (revisionId) => this.#isUnstartable(revisionId),
          isDeadAt: (moment) => this.#isDeadAt(process, moment),
        }),
        onUp: () => this.#witness.note({ kind: 'up' }),
        onEnd: (end) => this.#ended(process, end),
      });
      this.#process = process;
      this.#started.push(process);
      process.start();
    });
  }

  /** A check sees what fails always; what fails now and then it mostly does not. */
  #standbyAnswer(revisionId: string): 'passes' | 'fails' {
    const isDead = this.#scenario.services.some(({ behaviours }) =>
      isDeadFromStart(behaviours.get(revisionId)),
    );
    return isDead ? 'fails' : 'passes';
  }

  #isUnstartable(revisionId: string): boolean {
    return this.#scenario.services.some(
      ({ behaviours }) => behaviours.get(revisionId)?.kind === 'unstartable',
    );
  }

  #ended(process: ServerProcess, end: { readonly isDefect: boolean; readonly text: string }): void {
    if (this.#process !== process) return;
    this.#down(process, end.text);
    if (end.isDefect) this.#witness.note({ kind: 'defect', text: end.text });
    this.#startLater(restartMs, 0);
  }

  #arm(crash: Crash): void {
    const process = this.#process;
    if (process === null || this.#armed !== null) return;
    if (crash.isGentle) return this.#stopGently(process, crash);
    const armed = { crash, calls: crash.calls };
    this.#armed = armed;
    this.#time.at(this.#time.nowMs + crashPatienceMs, () => {
      if (this.#armed === armed) this.#crash('at rest');
    });
  }

  #stopGently(process: ServerProcess, crash: Crash): void {
    void process.stop().then(() => {
      if (this.#process !== process) return;
      this.#down(process, 'stopped as asked');
      this.#startLater(crash.downMs, crash.clockOffsetMs);
    });
    this.#time.at(this.#time.nowMs + stopPatienceMs, () => {
      if (this.#process !== process) return;
      this.#ended(process, { isDefect: true, text: 'did not stop when asked' });
    });
  }

  #isDeadAt(process: ServerProcess, moment: 'before' | 'after'): boolean {
    if (this.#process !== process) return true;
    const armed = this.#armed;
    if (armed === null || armed.crash.isAfterEffect !== (moment === 'after')) return false;
    armed.calls -= 1;
    if (armed.calls > 0) return false;
    this.#crash(`${moment} a call`);
    return true;
  }

  #crash(where: string): void {
    const crash = this.#armed?.crash;
    this.#armed = null;
    if (this.#process === null || crash === undefined) return;
    this.#crashes += 1;
    this.#down(this.#process, `crashed ${where}, for ${crash.downMs} ms`);
    this.#startLater(crash.downMs, crash.clockOffsetMs);
  }

  #down(process: ServerProcess, text: string): void {
    process.die();
    this.#plane.forget();
    this.#armed = null;
    this.#process = null;
    this.#witness.note({ kind: 'down', text });
  }

  /** People whose command finds no server try again. */
  #lend(hand: Hand): void {
    const isUp = this.#process?.submit(hand) ?? false;
    const nowMs = this.#time.nowMs - startMs;
    const text = hand.kind === 'apply' ? `apply ${hand.spec.revision.id}` : hand.action.kind;
    if (isUp) this.#witness.note({ kind: 'hand', text: `${hand.service}: ${text}` });
    else if (nowMs < this.#scenario.quietAtMs) this.#at(nowMs + 1_000, () => this.#lend(hand));
  }
}

function scriptOf(behaviour: Behaviour): Partial<PlatformScript> {
  switch (behaviour.kind) {
    case 'slow-start':
      return { readyAfterMs: behaviour.readyAfterMs };
    case 'never-ready':
      return { readyAfterMs: null };
    case 'crash-loop':
      return { crashAfterMs: behaviour.crashAfterMs };
    case 'healthy':
    case 'failing':
    case 'bad-instance':
    case 'unstartable':
      return {};
  }
}
