import assert from 'node:assert/strict';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { MemoryMachine, MemoryPlatform } from '../../adapters/memory/memory-platform.ts';
import { MemoryRouter } from '../../adapters/memory/memory-router.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { Action } from '../../domain/release/event.ts';
import { ana, revisionOf, specOf } from '../../domain/release/release.fixture.ts';
import type { Decision } from '../../domain/release/service-state.ts';
import type { LedgerBatch, LedgerError } from '../../ports/ledger-store.ts';
import type { Platform } from '../../ports/platform.ts';
import { HandClock, settle } from './hand-clock.fixture.ts';
import { ControlLoop } from './loop.ts';
import { openRecorder } from '../recording/recorder.ts';
import { recoverServices } from '../recording/recovery.ts';

const forever = new AbortController().signal;

/** A ledger whose appends wait for `release`, or fail with `error`, when told to. */
export class FaultyLedgerStore extends MemoryLedgerStore {
  error: LedgerError | null = null;
  #gate: PromiseWithResolvers<void> | null = null;

  block(): void {
    this.#gate = Promise.withResolvers<void>();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  override async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    await this.#gate?.promise;
    if (this.error !== null) throw this.error;
    return super.append(batch, signal);
  }
}

/** What outlives a control loop, and ways to run one over it, in time moved by hand. */
export class LoopWorld {
  readonly clock = new HandClock();
  readonly machine = new MemoryMachine();
  readonly router = new MemoryRouter(this.clock);
  readonly store = new FaultyLedgerStore();
  readonly sentences: string[] = [];
  readonly troubles: (string | null)[] = [];
  platform: Platform = new MemoryPlatform({ clock: this.clock, machine: this.machine });

  /** A loop that runs, recovered from the ledger as after a restart. */
  async open(): Promise<RunningLoop> {
    const { clock, store } = this;
    const signer = createMemorySigner(Buffer.alloc(32, 1));
    const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, forever);
    const recovered = await recoverServices(recorder.replay(null, forever), async (sha256) => {
      const bytes = await store.blob(sha256, forever);
      assert.ok(bytes);
      return bytes;
    });
    const { platform, router } = this;
    const loop = new ControlLoop(
      { platform, router, metrics: router, recorder, clock },
      {
        tickMs: 100,
        onRecord: (record) => void this.sentences.push(`${record.decision}: ${record.sentence}`),
        onLedgerTrouble: (message) => void this.troubles.push(message),
      },
      recovered,
    );
    return new RunningLoop(this, loop);
  }

  /** The weight of revision `number` in the table in force; null: it is not in there. */
  weightOf(number: number): number | null {
    const backends = this.router.table?.routes.flatMap((route) => route.backends) ?? [];
    const backend = backends.find((each) => each.revisionId === revisionOf(number).id);
    return backend?.weightPercent ?? null;
  }

  /** Instances that the table in force sends to. */
  endpoints(): readonly string[] {
    const backends = this.router.table?.routes.flatMap((route) => route.backends) ?? [];
    return backends.flatMap(({ endpoints }) => endpoints.map((each) => each.instanceId));
  }

  /** 400 requests every 100 ms; the revisions numbered in `failing`, and instances named in `badInstances`, answer 500. */
  async serve(
    durationMs: number,
    failing: readonly number[] = [],
    badInstances: readonly string[] = [],
  ): Promise<void> {
    const bad = new Set([...failing.map((number) => revisionOf(number).id), ...badInstances]);
    for (let passedMs = 0; passedMs < durationMs; passedMs += 100) {
      this.router.serve('web', 400, (revisionId, instanceId) => {
        const isBad = bad.has(revisionId) || bad.has(instanceId);
        return { statusClass: isBad ? 4 : 1, latencyBucket: 100 };
      });
      await this.clock.pass(100);
    }
  }
}

export class RunningLoop {
  readonly loop: ControlLoop;
  readonly abort = new AbortController();
  readonly done: Promise<void>;
  readonly #world: LoopWorld;

  constructor(world: LoopWorld, loop: ControlLoop) {
    this.#world = world;
    this.loop = loop;
    this.done = loop.run(this.abort.signal);
    // Whoever awaits it sees the failure, too.
    this.done.catch(() => undefined);
  }

  get phase(): string | undefined {
    return this.loop.service('web')?.rollout?.phase.kind;
  }

  apply(number: number, options: Parameters<typeof specOf>[1] = {}): Promise<Decision> {
    const spec = specOf(number, options);
    return this.loop.submit('web', { kind: 'apply', spec, by: ana }, forever);
  }

  operate(kind: Exclude<Action['kind'], 'undo' | 'restart'>): Promise<Decision> {
    return this.loop.submit('web', { kind: 'operate', action: { kind }, by: ana }, forever);
  }

  /** Makes `number` the first stable revision. */
  async promoteFirst(number: number): Promise<void> {
    await this.apply(number);
    await this.#world.clock.pass(1_000);
    assert.equal(this.phase, 'promoted');
  }

  /** Begins a canary of `number` and brings it to the judging of its first step. */
  async beginCanary(number: number): Promise<void> {
    await this.apply(number);
    await this.#world.clock.pass(300);
    assert.equal(this.phase, 'judging');
  }

  async stop(): Promise<void> {
    this.abort.abort(new Error('shutdown'));
    await settle();
    await this.done;
  }
}
