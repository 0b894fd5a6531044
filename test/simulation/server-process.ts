import { sha256Hex } from '../../src/domain/evidence/digest.ts';
import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { ControlLoop } from '../../src/control/loop/loop.ts';
import { openRecorder, type Recorder } from '../../src/control/recording/recorder.ts';
import { lastObservedAtMs } from '../../src/control/recording/recorder-index.ts';
import { recoverServices } from '../../src/control/recording/recovery.ts';
import { activeRollout } from '../../src/domain/release/service-state.ts';
import type { Signer } from '../../src/ports/identity.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import type { MetricsSource } from '../../src/ports/metrics-source.ts';
import type { Ports } from './faulty-ports.ts';
import type { Hand } from './scenario.ts';
import type { ProcessClock } from './virtual-clock.ts';

/** Real keys, and signatures that are none: nobody verifies them here, and they would take a tenth of the time. */
const signer: Signer = {
  ...createMemorySigner(Buffer.alloc(32, 7)),
  sign: () => Promise.resolve(new Uint8Array(64)),
};

interface ServerParts {
  readonly clock: ProcessClock;
  readonly tickMs: number;
  readonly metrics: MetricsSource;
  readonly ports: Ports;
  readonly onUp: () => void;
  /** The process has ended by itself: by a defect, or because it could not start yet. */
  readonly onEnd: (end: { readonly isDefect: boolean; readonly text: string }) => void;
}

/** One life of the control plane: recovery, the loop, and its end. Composed as the server composes it. */
export class ServerProcess {
  readonly #parts: ServerParts;
  readonly #stop = new AbortController();
  #stopped: (() => void) | null = null;
  #loop: ControlLoop | null = null;
  #isDead = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** For each service whether a rollout is under way; null: not up. */
  get services(): readonly boolean[] | null {
    return this.#loop?.services.map((state) => activeRollout(state) !== null) ?? null;
  }

  start(): void {
    void this.#live().then(
      () => this.#end({ isDefect: false, text: 'ended' }),
      (error: unknown) => {
        const isDefect = this.#loop !== null || !isTrouble(error);
        this.#end({ isDefect, text: `ended: ${words(error)}` });
      },
    );
  }

  /** Nothing of this process ever moves again. */
  die(): void {
    this.#isDead = true;
    this.#parts.clock.die();
  }

  /**
   * After the end of its world. Node keeps a signal that is joined of others for as long as somebody listens to it, and with it
   * all that the listener knows: here a whole world.
   */
  bury(): void {
    this.die();
    this.#stop.abort(new Error('the world is over'));
  }

  /** Resolves when the loop has ended as asked. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopped = resolve;
    this.#stop.abort(new Error('asked to stop'));
    return promise;
  }

  /** False: nobody is there to take it. */
  submit(hand: Hand): boolean {
    if (this.#loop === null || this.#isDead || this.#stop.signal.aborted) return false;
    const by = { who: 'someone', why: null };
    const event =
      hand.kind === 'apply'
        ? ({ kind: 'apply', spec: hand.spec, by } as const)
        : ({ kind: 'operate', action: hand.action, by } as const);
    // Who asked learns nothing when the process dies; the world goes on without the answer.
    this.#loop.submit(hand.service, event, this.#stop.signal).catch(() => undefined);
    return true;
  }

  async #live(): Promise<void> {
    const { ports, clock, metrics, tickMs, onUp } = this.#parts;
    const { signal } = this.#stop;
    const { store, platform, router, standby } = ports;
    clock.notBefore(await lastObservedAtMs(store, signal));
    const recorder: Recorder = await openRecorder({ store, signer, clock, version: '0' }, signal);
    const recovered = await recoverServices(recorder.replay(null, signal), async (sha256) => {
      const bytes = await store.blob(sha256, signal);
      if (bytes !== null) return bytes;
      throw new LedgerError('corrupt', `blob ${sha256} is missing`, { retryable: false });
    });
    this.#loop = new ControlLoop(
      { platform, router, metrics, recorder, clock, standby, flagTokenSha256: sha256Hex },
      { tickMs },
      recovered,
    );
    onUp();
    await this.#loop.run(signal);
    await recorder[Symbol.asyncDispose]();
  }

  #end(end: { readonly isDefect: boolean; readonly text: string }): void {
    if (this.#isDead) return;
    if (this.#stop.signal.aborted && this.#stopped !== null) this.#stopped();
    else this.#parts.onEnd(end);
  }
}

/** A ledger that can't be written yet keeps a server from starting: it ends and is started again. */
function isTrouble(error: unknown): boolean {
  const isOfTheWorld = error instanceof LedgerError;
  return isOfTheWorld && error.retryable;
}

function words(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
