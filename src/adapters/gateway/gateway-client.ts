import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import { RouterError, type TrafficRouter } from '../../ports/traffic-router.ts';
import type { UnderWaySource } from '../../ports/under-way-source.ts';
import type { FromGateway, WorkersReading } from './control-message.ts';
import { type EjectionChange, Ejections } from './ejections.ts';
import { GatewayLink } from './gateway-link.ts';
import { SampleDeltas } from './sample-deltas.ts';
import { UnderWay } from './under-way.ts';

export interface GatewayClientOptions {
  /** The gateway's control socket. */
  readonly socketPath: string;
  /** How long `apply` waits for the gateway, over reconnections, until it gives up with `unreachable`. */
  readonly applyTimeoutMs?: number;
  /** How long `version` waits for the first connection until it says null. */
  readonly versionTimeoutMs?: number;
  /** Hears of each change of the gateway's workers, and of them with each connection. */
  readonly onWorkers?: (workers: WorkersReading) => void;
  /** Hears which instances the gateway has ejected or let in again. */
  readonly onEjections?: (changes: readonly EjectionChange[]) => void;
  /** In [0, 1), for the jitter of reconnections. */
  readonly random?: () => number;
}

/**
 * The gateway process as router and source of samples.
 *
 * - C1. `apply` resolves on the gateway's word that the table, or a newer one, is in force; never before.
 * - C2. The link comes back by itself. A gateway that was restarted and lost tables is given the newest one that
 *   `apply` was called with, without being asked: a share is restored even while nobody decides anything.
 * - C3. Samples are only emitted for what this object, or the gateway's last listener before it, has not seen.
 */
export class GatewayClient
  implements TrafficRouter, MetricsSource, UnderWaySource, AsyncDisposable
{
  onUnderWay = (): void => {};
  readonly #link: GatewayLink;
  readonly #applyTimeoutMs: number;
  readonly #versionTimeoutMs: number;
  readonly #deltas = new SampleDeltas();
  readonly #ejections = new Ejections();
  readonly #underWay = new UnderWay();
  readonly #listeners = new Set<(sample: TrafficSample) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #drains = new Map<string, { isDone: boolean }>();
  /** A little over the gateway's own bound. */
  readonly #drainTimeoutMs = 12_000;
  readonly #onWorkers: (workers: WorkersReading) => void;
  readonly #onEjections: (changes: readonly EjectionChange[]) => void;
  #workers: WorkersReading | null = null;
  #newest: RouteTable | null = null;
  #version: number | null = null;
  /** As `#version`, but only while the link is up: a gateway that comes back may have an older table. */
  #confirmed: number | null = null;
  #wasReached = false;
  #isUp = false;
  #isDisposed = false;

  constructor(options: GatewayClientOptions) {
    this.#applyTimeoutMs = options.applyTimeoutMs ?? 5000;
    this.#versionTimeoutMs = options.versionTimeoutMs ?? 2000;
    this.#onWorkers = options.onWorkers ?? (() => {});
    this.#onEjections = options.onEjections ?? (() => {});
    const events = {
      onMessage: (message: FromGateway) => this.#onMessage(message),
      // Those who wait for an answer get it from the next connection, or their time runs out.
      onDown: () => {
        this.#isUp = false;
        this.#confirmed = null;
        this.#underWay.lost();
      },
    };
    this.#link = new GatewayLink(options.socketPath, events, options.random ?? Math.random);
  }

  async apply(table: RouteTable, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#confirmed !== null && this.#confirmed > table.version) return;
    if (this.#newest === null || table.version >= this.#newest.version) this.#newest = table;
    const answered = this.#wait({
      isAnswered: () => this.#confirmed !== null && this.#confirmed >= table.version,
      version: table.version,
      timeoutMs: this.#applyTimeoutMs,
      signal,
    });
    this.#link.send({ type: 'apply', table });
    if ((await answered) === 'timeout') {
      throw new RouterError(
        'unreachable',
        `cannot apply routes version ${table.version}: the gateway did not answer within ` +
          `${this.#applyTimeoutMs} ms`,
        { retryable: true },
      );
    }
  }

  async drain(revisionId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const drain = this.#drains.get(revisionId) ?? { isDone: false };
    this.#drains.set(revisionId, drain);
    const answered = this.#wait({
      isAnswered: () => drain.isDone,
      version: null,
      timeoutMs: this.#drainTimeoutMs,
      signal,
    });
    this.#link.send({ type: 'drain', revisionId });
    try {
      // A gateway that does not answer in time has nothing that is worth waiting longer for.
      await answered;
    } finally {
      this.#drains.delete(revisionId);
    }
  }

  /** Ids of instances that the gateway has ejected, as it said last. */
  get ejectedIds(): ReadonlySet<string> {
    return this.#ejections.instanceIds;
  }

  get underWay(): ReadonlyMap<string, number> | null {
    return this.#underWay.byInstance;
  }

  /** Whether the gateway is connected now. */
  get isConnected(): boolean {
    return this.#isUp;
  }

  /** As the gateway said last; null: it is one process, or was never reached. */
  get workers(): WorkersReading | null {
    return this.#workers;
  }

  async version(signal: AbortSignal): Promise<number | null> {
    signal.throwIfAborted();
    if (!this.#wasReached) {
      const timeoutMs = this.#versionTimeoutMs;
      await this.#wait({ isAnswered: () => this.#wasReached, version: null, timeoutMs, signal });
    }
    return this.#version;
  }

  subscribe(listener: (sample: TrafficSample) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#link[Symbol.dispose]();
    this.#listeners.clear();
    for (const waiter of this.#waiters) {
      waiter.fail(
        new RouterError('unreachable', 'the link to the gateway was closed', { retryable: false }),
      );
    }
    return Promise.resolve();
  }

  #onMessage(message: FromGateway): void {
    switch (message.type) {
      case 'hello':
        this.#wasReached = true;
        this.#isUp = true;
        this.#version = message.version;
        this.#confirmed = message.version;
        this.#deltas.hello(message);
        this.#hearEjections(this.#ejections.hello(message));
        this.#hearWorkers(message.workers ?? null);
        this.#restore();
        this.#settle();
        return;
      case 'workers':
        this.#hearWorkers(message.workers);
        return;
      case 'applied':
        this.#version = Math.max(this.#version ?? 0, message.version);
        this.#confirmed = this.#version;
        this.#settle();
        return;
      case 'drained': {
        const drain = this.#drains.get(message.revisionId);
        if (drain !== undefined) drain.isDone = true;
        this.#settle();
        return;
      }
      case 'refused':
        this.#refused(message.version, message.reason);
        return;
      case 'samples':
        this.#hearEjections(this.#ejections.take(message.counters));
        this.#underWay.take(message);
        if (message.underWay !== undefined) this.onUnderWay();
        for (const sample of this.#deltas.samples(message)) {
          for (const listener of this.#listeners) listener(sample);
        }
    }
  }

  #hearWorkers(workers: WorkersReading | null): void {
    this.#workers = workers;
    if (workers !== null) this.#onWorkers(workers);
  }

  #hearEjections(changes: readonly EjectionChange[]): void {
    if (changes.length > 0) this.#onEjections(changes);
  }

  #restore(): void {
    const newest = this.#newest;
    if (newest !== null && newest.version > (this.#version ?? 0)) {
      this.#link.send({ type: 'apply', table: newest });
    }
    for (const revisionId of this.#drains.keys()) this.#link.send({ type: 'drain', revisionId });
  }

  #settle(): void {
    for (const waiter of this.#waiters) if (waiter.isAnswered()) waiter.resolve();
  }

  #refused(version: number, reason: string): void {
    if (this.#newest?.version === version) this.#newest = null;
    const error = new RouterError(
      'refused',
      `cannot apply routes version ${version}: the gateway refused them: ${reason}`,
      { retryable: false },
    );
    for (const waiter of this.#waiters) if (waiter.version === version) waiter.fail(error);
  }

  #wait(options: WaitOptions): Promise<'answered' | 'timeout'> {
    if (options.isAnswered()) return Promise.resolve('answered');
    if (this.#isDisposed) {
      const message = 'the link to the gateway is closed';
      return Promise.reject(new RouterError('unreachable', message, { retryable: false }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<'answered' | 'timeout'>();
    const end = () => {
      this.#waiters.delete(waiter);
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      end();
      reject(options.signal.reason as Error);
    };
    const timer = setTimeout(() => {
      end();
      resolve('timeout');
    }, options.timeoutMs);
    const waiter: Waiter = {
      isAnswered: options.isAnswered,
      version: options.version,
      resolve: () => {
        end();
        resolve('answered');
      },
      fail: (error) => {
        end();
        reject(error);
      },
    };
    this.#waiters.add(waiter);
    options.signal.addEventListener('abort', onAbort);
    return promise;
  }
}

interface WaitOptions {
  readonly isAnswered: () => boolean;
  /** Of the table waited for; null: not for a table. */
  readonly version: number | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly isAnswered: () => boolean;
  readonly version: number | null;
  readonly resolve: () => void;
  readonly fail: (error: RouterError) => void;
}
