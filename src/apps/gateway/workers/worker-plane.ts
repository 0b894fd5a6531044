import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { UnderWayReading, WorkersReading } from '../../../adapters/gateway/control-message.ts';
import { underWayReading } from '../../../adapters/gateway/under-way.ts';
import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';
import { Counters } from '../counters.ts';
import type { Address, DataPlane } from '../data-plane.ts';
import { limitScopes } from '../limits/route-limits.ts';
import { MemoryTokens } from '../../../adapters/memory/memory-tokens.ts';
import { randomKey } from '../random-key.ts';
import { MergedCounts } from './merged-counts.ts';
import type { ProcessMetrics } from '../metrics/metric-family.ts';
import { noVersion } from './worker-message.ts';
import { WorkerMetrics } from './worker-metrics.ts';
import { WorkerProcess, type WorkerProgram } from './worker-process.ts';

export interface WorkerPlaneOptions {
  /** >= 2. */
  readonly workerCount: number;
  readonly program: WorkerProgram;
  readonly log: (message: string) => void;
  /** A worker that says nothing for so long is ended; below the 5 s for which a server waits for its table. */
  readonly hungAfterMs?: number;
}

const usualHungAfterMs = 4000;
const lookEveryMs = 250;
/** Loading its code, on a machine that is busy. */
const startBoundMs = 60_000;
const firstBackOffMs = 100;
const lastBackOffMs = 5000;
/** A worker that served this long is replaced at once. */
const settledAfterMs = 10_000;
/** How long a scrape waits for a worker that does not answer. */
const metricsBoundMs = 1000;
/** Beyond the bound that it was given to stop. */
const stopGraceMs = 2000;

/**
 * Requests are served by child processes that listen on one port; this process serves none.
 *
 * - W1. A table is in force when every worker that can get a request has it. One that starts has the newest before it
 *   listens.
 * - W2. A worker that ends without being asked is replaced, one that says nothing is ended first. What it held is lost: its
 *   connections, and what it had counted since it told last. Nobody else loses anything.
 * - W3. One that ends again and again is started less and less often, down to every 5 s.
 * - W4. Workers end by themselves when this process does (worker.ts).
 */
export class WorkerPlane implements DataPlane {
  readonly counters = new Counters();
  onWorkersChanged = (): void => {};
  onWaiting = (): void => {};
  readonly #options: WorkerPlaneOptions;
  readonly #votesKey = randomKey();
  readonly #counts = new MergedCounts(this.counters);
  /** Of rate limits, for all workers. */
  readonly #tokens = new MemoryTokens(() => performance.now());
  readonly #metrics = new WorkerMetrics();
  readonly #slots: Slot[];
  readonly #looking: NodeJS.Timeout;
  #address: Address = { host: '', port: 0 };
  #newest: RouteTable | null = null;
  #pending: PendingTable[] = [];
  #table: RouteTable | null = null;
  #listening: PromiseWithResolvers<void> | null = null;
  #isStopping = false;
  #lost = 0;
  /** Operators know the process id of the gateway alone. */
  readonly #onHangUp = (): void => {
    for (const worker of this.#running()) if (worker.isTold) worker.hangUp();
  };

  constructor(options: WorkerPlaneOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workerCount }, (_, index) => {
      return { index, worker: null, backOffMs: 0, timer: null };
    });
    this.#looking = setInterval(() => this.#look(), lookEveryMs);
    this.#looking.unref();
    process.on('SIGHUP', this.#onHangUp);
  }

  get table(): RouteTable | null {
    return this.#table;
  }

  get workers(): WorkersReading {
    const serving = this.#running().filter(({ isServing }) => isServing).length;
    return { wanted: this.#options.workerCount, serving, lost: this.#lost };
  }

  underWay(): readonly UnderWayReading[] {
    const told = this.#running().flatMap(({ underWay }) => underWay);
    return underWayReading(told.map(([instanceId, underWay]) => ({ instanceId, underWay })));
  }

  /** Resolves when all workers serve. */
  async listen(address: Address): Promise<AddressInfo> {
    const found = await freeAddress(address);
    this.#address = { host: address.host, port: found.port };
    this.#listening = Promise.withResolvers<void>();
    for (const slot of this.#slots) this.#start(slot);
    await this.#listening.promise;
    return found;
  }

  apply(table: RouteTable, beforeSwitch: () => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const isNew = this.#newest === null || table.version > this.#newest.version;
    if (isNew) {
      this.#newest = table;
      for (const worker of this.#running())
        if (worker.isTold) worker.send({ type: 'table', table });
    }
    this.#pending.push({ table, beforeSwitch: isNew ? beforeSwitch : null, resolve });
    this.#settle();
    return promise;
  }

  async drain(id: string): Promise<void> {
    await Promise.all(this.#running().map((worker) => worker.drain(id)));
  }

  async metrics(): Promise<readonly ProcessMetrics[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, metricsBoundMs);
    void Promise.all(this.#running().map((worker) => worker.tellMetrics())).then(() => resolve());
    await promise;
    clearTimeout(timer);
    return this.#metrics.all();
  }

  async stop(boundMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { timer } of this.#slots) if (timer !== null) clearTimeout(timer);
    for (const worker of this.#running()) worker.send({ type: 'stop', boundMs });
    const untilMs = performance.now() + boundMs + stopGraceMs;
    while (this.#running().length > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const worker of this.#running()) worker.kill();
    clearInterval(this.#looking);
    process.off('SIGHUP', this.#onHangUp);
  }

  #running(): readonly WorkerProcess[] {
    return this.#slots.flatMap(({ worker }) => (worker === null ? [] : [worker]));
  }

  #start(slot: Slot): void {
    slot.timer = null;
    slot.worker = new WorkerProcess(slot.index, this.#options.program, {
      onReady: (worker) => this.#begin(worker),
      onServing: (worker) => this.#served(worker),
      onForOthers: (from, message) => {
        for (const other of this.#running()) if (other !== from) other.send(message);
      },
      onAsks: (worker, asks) => {
        worker.send({ type: 'tokens', loans: this.#tokens.lendNow(asks) });
      },
      onMetrics: (worker, families) => {
        this.#metrics.heard(worker, { worker: String(worker.index), families });
      },
      onInForce: () => this.#settle(),
      onCounted: (worker, message) => {
        this.#counts.take(worker, message, this.#table?.version ?? noVersion);
        if (message.isUrgent === true) this.onWaiting();
      },
      onEnded: (worker) => this.#ended(slot, worker),
    });
  }

  #begin(worker: WorkerProcess): void {
    const { workerCount } = this.#options;
    const { host, port } = this.#address;
    worker.isTold = true;
    worker.send({
      type: 'begin',
      host,
      port,
      votesKey: this.#votesKey,
      phase: (worker.index + 0.5) / workerCount - 0.5,
      table: this.#newest,
    });
  }

  #served(worker: WorkerProcess): void {
    this.onWorkersChanged();
    this.#options.log(`worker ${worker.index} serves (pid ${worker.pid})`);
    if (this.#listening !== null && this.workers.serving === this.#options.workerCount) {
      this.#listening.resolve();
      this.#listening = null;
    }
  }

  #ended(slot: Slot, worker: WorkerProcess): void {
    slot.worker = null;
    this.#metrics.ended(worker);
    this.#counts.ended(worker);
    // Nobody waits for its word any more.
    this.#settle();
    if (this.#isStopping) return;
    if (this.#listening !== null) {
      this.#listening.reject(startError(worker));
      return;
    }
    this.#lost += 1;
    this.onWorkersChanged();
    const livedMs = performance.now() - worker.startedMs;
    const backOffMs = worker.servedMs > settledAfterMs ? 0 : slot.backOffMs;
    slot.backOffMs = Math.min(lastBackOffMs, Math.max(firstBackOffMs, backOffMs * 2));
    const why = worker.fault === null ? worker.how : `because ${worker.fault.message}`;
    this.#options.log(
      `worker ${slot.index} (pid ${worker.pid}) has ended ${why} after ${(livedMs / 1000).toFixed(1)} s; ` +
        `about ${requestsOf(worker)} requests under way are lost, and the counts since it told last; ` +
        `starting another in ${backOffMs} ms`,
    );
    slot.timer = setTimeout(() => this.#start(slot), backOffMs);
  }

  /** By looks in place of time: when the machine itself has stood still, nobody has been silent. */
  #look(): void {
    const { hungAfterMs = usualHungAfterMs, log } = this.#options;
    for (const worker of this.#running()) {
      const silentMs = worker.look() * lookEveryMs;
      // Draining has its own bound.
      if (this.#isStopping || silentMs < (worker.isServing ? hungAfterMs : startBoundMs)) continue;
      log(`worker ${worker.index} (pid ${worker.pid}) says nothing for ${silentMs} ms: ending it`);
      worker.kill();
    }
  }

  /** Takes note of tables that have come into force everywhere, oldest first. */
  #settle(): void {
    const versions = this.#running().flatMap(({ isTold, version }) => (isTold ? [version] : []));
    const inForce = Math.min(this.#newest?.version ?? noVersion, ...versions);
    const settled = this.#pending.filter(({ table }) => table.version <= inForce);
    this.#pending = this.#pending.filter(({ table }) => table.version > inForce);
    for (const { table, beforeSwitch, resolve } of settled) {
      if (beforeSwitch !== null) {
        beforeSwitch();
        this.#table = table;
        this.#counts.release(table.version);
        this.#tokens.retain(new Set(table.routes.flatMap(limitScopes)));
      }
      resolve(beforeSwitch !== null);
    }
  }
}

function requestsOf({ underWay }: WorkerProcess): number {
  return underWay.reduce((sum, [, requests]) => sum + requests, 0);
}

/** One worker after the other. */
interface Slot {
  readonly index: number;
  worker: WorkerProcess | null;
  /** Before the next start, if this worker does not live long. */
  backOffMs: number;
  timer: NodeJS.Timeout | null;
}

interface PendingTable {
  readonly table: RouteTable;
  /** Null: it was known already. */
  readonly beforeSwitch: (() => void) | null;
  readonly resolve: (isNew: boolean) => void;
}

/**
 * Listens for a moment, alone: sharing a port is asked of the kernel by user, so another program of this user that shares its
 * port would not be noticed otherwise.
 */
async function freeAddress({ host, port }: Address): Promise<AddressInfo> {
  const server = createServer((socket) => socket.destroy());
  server.listen({ host, port });
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return address;
}

function startError({ index, how, fault }: WorkerProcess): Error {
  if (fault === null) return new Error(`worker ${index} could not start: it has ended ${how}`);
  return Object.assign(new Error(fault.message), { code: fault.code });
}
