import { type ChildProcess, fork } from 'node:child_process';
import type { UnderWayReading } from '../../../adapters/gateway/control-message.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';
import type { TokenAsk } from '../../../domain/traffic/limits/token-loan.ts';
import type {
  CountedMessage,
  FromWorker,
  ToWorker,
  VotesMessage,
  CacheChangedMessage,
} from './worker-message.ts';
import { noVersion } from './worker-message.ts';

/** How a worker is started: as this very program. */
export interface WorkerProgram {
  /** The gateway's main file, absolute. */
  readonly entry: string;
  /** Arguments of the gateway; the worker's number is added to them. */
  readonly argv: readonly string[];
}

export interface WorkerEvents {
  readonly onReady: (worker: WorkerProcess) => void;
  readonly onServing: (worker: WorkerProcess) => void;
  readonly onInForce: (worker: WorkerProcess) => void;
  readonly onForOthers: (
    worker: WorkerProcess,
    message: VotesMessage | CacheChangedMessage,
  ) => void;
  readonly onAsks: (worker: WorkerProcess, asks: readonly TokenAsk[]) => void;
  readonly onMetrics: (worker: WorkerProcess, families: readonly MetricFamily[]) => void;
  readonly onCounted: (worker: WorkerProcess, message: CountedMessage) => void;
  /** Once, after all that it said has been heard. */
  readonly onEnded: (worker: WorkerProcess) => void;
}

/** One worker process as the gateway process sees it. */
export class WorkerProcess {
  /** Counted from 0. */
  readonly index: number;
  readonly startedMs = performance.now();
  /** It has been told to listen, so requests may be on their way to it. */
  isTold = false;
  isServing = false;
  #servesSinceMs: number | null = null;
  isEnded = false;
  /** Of the table that is in force there. */
  version = noVersion;
  /** Requests without an end when it spoke last. */
  underWay: readonly UnderWayReading[] = [];
  /** Why it could not listen. */
  fault: { readonly code: string; readonly message: string } | null = null;
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  /** Who waits for an answer. */
  readonly #waiting = new Map<number, () => void>();
  #turns = 0;
  #silentLooks = 0;
  /** The process has ended, and its channel has been read to its end. */
  #endsToCome = 2;
  #how = 'ended';

  constructor(index: number, { entry, argv }: WorkerProgram, events: WorkerEvents) {
    this.index = index;
    this.#events = events;
    this.#child = fork(entry, [...argv, '--worker', String(index)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#hear(message as FromWorker));
    // Without a process there is neither exit nor channel.
    this.#child.on('error', (error) => {
      if (this.#child.pid !== undefined) return;
      this.#how = `because ${error.message}`;
      this.#end(2);
    });
    this.#child.on('exit', (code, signal) => {
      this.#how = signal === null ? `with code ${code}` : `by ${signal}`;
      this.#end(1);
    });
    this.#child.on('disconnect', () => this.#end(1));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How long it has served; a slow start is no part of it. */
  get servedMs(): number {
    return this.#servesSinceMs === null ? 0 : performance.now() - this.#servesSinceMs;
  }

  /** Such as `by SIGKILL`. */
  get how(): string {
    return this.#how;
  }

  send(message: ToWorker): void {
    // A worker that is gone hears nothing; its end follows, and whoever waits for it hears that.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Resolves when it has drained, or has ended. */
  drain(id: string): Promise<void> {
    return this.#ask((turn) => ({ type: 'drain', id, turn }));
  }

  /** Resolves when `onMetrics` has heard what it counts for people, or when it has ended. */
  tellMetrics(): Promise<void> {
    return this.#ask((turn) => ({ type: 'tell-metrics', turn }));
  }

  /** To be called at even intervals. How many of them it has said nothing. */
  look(): number {
    this.#silentLooks += 1;
    return this.#silentLooks - 1;
  }

  /** Asks it to begin another file of its access log. Before it is ready, the signal would end it. */
  hangUp(): void {
    this.#child.kill('SIGHUP');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(question: (turn: number) => ToWorker): Promise<void> {
    if (this.isEnded) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns += 1;
    this.#waiting.set(this.#turns, resolve);
    this.send(question(this.#turns));
    return promise;
  }

  #answered(turn: number): void {
    this.#waiting.get(turn)?.();
    this.#waiting.delete(turn);
  }

  #hear(message: FromWorker): void {
    this.#silentLooks = 0;
    switch (message.type) {
      case 'ready':
        this.#events.onReady(this);
        return;
      case 'serving':
        this.isServing = true;
        this.#servesSinceMs = performance.now();
        this.#events.onServing(this);
        return;
      case 'failed':
        this.fault = { code: message.code, message: message.message };
        return;
      case 'in-force':
        this.version = message.version;
        this.#events.onInForce(this);
        return;
      case 'counted':
        this.underWay = message.underWay;
        this.#events.onCounted(this, message);
        return;
      case 'votes':
      case 'cache-changed':
        this.#events.onForOthers(this, message);
        return;
      case 'ask-tokens':
        this.#events.onAsks(this, message.asks);
        return;
      case 'drained':
        this.#answered(message.turn);
        return;
      case 'metrics':
        this.#events.onMetrics(this, message.families);
        this.#answered(message.turn);
    }
  }

  #end(ends: number): void {
    this.#endsToCome -= ends;
    if (this.#endsToCome > 0 || this.isEnded) return;
    this.isEnded = true;
    this.isServing = false;
    for (const resolve of this.#waiting.values()) resolve();
    this.#waiting.clear();
    this.#events.onEnded(this);
  }
}
