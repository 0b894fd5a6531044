import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  controlSocketName,
  makeStateFolder,
  routesFileName,
  startTicks,
  writeGatewayFile,
} from '../../adapters/gateway/gateway-file.ts';
import { checkRouteTable } from '../../domain/traffic/check-route-table.ts';
import { otherStratum } from '../../domain/traffic/request-class.ts';
import type { Route, RouteTable } from '../../domain/traffic/route-table.ts';
import { ControlServer } from './control-server.ts';
import { type Counter, Counters } from './counters.ts';
import type { MakeEngine } from './engine-kind.ts';
import type { Engine } from './http-engine.ts';
import { LiveRoutes } from './live-routes.ts';
import { TableFile } from './table-file.ts';

export interface GatewayOptions {
  readonly stateFolder: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null: in the state folder. */
  readonly controlSocket: string | null;
  /** Makes what moves the bytes. */
  readonly engine: MakeEngine;
  readonly log: (message: string) => void;
}

/** Why a gateway did not start, with what people can do about it. */
export interface StartFault {
  readonly kind: 'address-in-use' | 'state-in-use' | 'bad-socket-path';
  readonly message: string;
}

const drainMs = 30_000;
/** How long a revision that left the table may finish what it has; tunnels and endless answers are not waited for. */
const revisionDrainMs = 10_000;
const drainPollMs = 10;
/** A counter of an instance that left the table is kept this long after its last change. */
const forgetAfterMs = 600_000;
/** Of sun_path in unix(7), less the final zero. */
const socketPathBytesMax = 107;

/**
 * The gateway process: routes, counters, engine and control socket put together.
 *
 * - G1. It serves with the last table from the state folder before any server has connected.
 * - G2. A table is checked, then switched in one step between two requests, then kept, then acknowledged. If it can't
 *   be kept (disk full) it is in force all the same: a way back must not depend on a disk.
 * - G3. Address first, control socket second: two gateways never have one of both each.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #counters = new Counters();
  readonly #routes = new LiveRoutes(this.#counters, randomKey());
  readonly #engine: Engine;
  readonly #tableFile: TableFile;
  readonly #control: ControlServer;
  readonly #left = new Map<Counter, { ended: number; sinceMs: number }>();
  readonly #forgetTimer: NodeJS.Timeout;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#engine = options.engine(this.#routes);
    this.#tableFile = new TableFile(join(options.stateFolder, routesFileName));
    this.#control = new ControlServer({
      epoch: randomBytes(8).toString('hex'),
      counters: this.#counters,
      version: () => this.#routes.table?.version ?? null,
      apply: (table) => this.#apply(table),
      drain: (revisionId) => this.#drain(revisionId),
    });
    this.#forgetTimer = setInterval(() => this.#forget(), forgetAfterMs / 10);
    this.#forgetTimer.unref();
  }

  /** Resolves to the address when it serves. */
  async start(): Promise<{ readonly host: string; readonly port: number } | StartFault> {
    const { stateFolder, host, log } = this.#options;
    const controlSocket = resolve(
      this.#options.controlSocket ?? join(stateFolder, controlSocketName),
    );
    if (Buffer.byteLength(controlSocket) > socketPathBytesMax) {
      const message =
        `cannot make the control socket ${controlSocket}: its path is longer than ` +
        `${socketPathBytesMax} bytes; name a shorter one with --control`;
      return { kind: 'bad-socket-path', message };
    }
    await makeStateFolder(stateFolder);
    const table = await this.#tableFile.read((reason) =>
      log(`the kept routes are no use: ${reason}`),
    );
    if (table !== null) this.#routes.apply(table);
    const address = await this.#listen();
    if ('kind' in address) return address;
    if ((await this.#control.listen(controlSocket)) === 'taken') {
      const message = `cannot use the state folder ${stateFolder}: another gateway runs with it; stop that one first`;
      return { kind: 'state-in-use', message };
    }
    const ticks = (await startTicks(process.pid)) ?? '';
    const file = { pid: process.pid, startTicks: ticks, host, port: address.port, controlSocket };
    await writeGatewayFile(stateFolder, file);
    log(`serving on ${host}:${address.port} with routes version ${table?.version ?? 'none'}`);
    return { host, port: address.port };
  }

  /** Finishes what is under way, reports it, and gives everything back. */
  async stop(): Promise<void> {
    clearInterval(this.#forgetTimer);
    await this.#engine.drain(drainMs);
    await this.#control[Symbol.asyncDispose]();
  }

  async #listen(): Promise<{ readonly port: number } | StartFault> {
    const { host, port } = this.#options;
    try {
      return await this.#engine.listen({ host, port });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      const message = `cannot listen on ${host}:${port}: the port is in use; stop what has it or choose another port`;
      return { kind: 'address-in-use', message };
    }
  }

  /** Polled: requests under way are few when their revision has left the table, and nobody is in a hurry. */
  async #drain(id: string): Promise<void> {
    const until = performance.now() + revisionDrainMs;
    const isOf = (each: Counter): boolean => each.revisionId === id || each.instanceId === id;
    const isUnderWay = () => this.#counters.all().some((each) => isOf(each) && each.underWay > 0);
    while (isUnderWay() && performance.now() < until) await sleep(drainPollMs);
  }

  async #apply(table: RouteTable): Promise<number | { readonly refused: string }> {
    const [problem] = checkRouteTable(table);
    if (problem !== undefined) return { refused: `${problem.place} ${problem.message}` };
    // A sample never spans two tables: what ended until now is told before the switch.
    this.#control.report();
    const before = this.#routes.table;
    this.#routes.apply(table);
    const inForce = this.#routes.table ?? table;
    if (inForce === before) return inForce.version;
    this.#engine.routesChanged();
    if (inForce.routes.some(isSplit)) this.#control.reportQuickly();
    await this.#keep(inForce);
    return inForce.version;
  }

  async #keep(table: RouteTable): Promise<void> {
    try {
      await this.#tableFile.write(table);
    } catch (error) {
      // G2. The server applies again what a restarted gateway does not know.
      this.#options.log(`cannot keep routes version ${table.version}: ${String(error)}`);
    }
  }

  #forget(): void {
    const gone: Counter[] = [];
    for (const counter of this.#counters.all()) {
      const known = this.#left.get(counter);
      if (isServed(this.#routes.table, counter)) this.#left.delete(counter);
      else if (known?.ended !== counter.ended) {
        this.#left.set(counter, { ended: counter.ended, sinceMs: performance.now() });
      } else if (performance.now() - known.sinceMs > forgetAfterMs) gone.push(counter);
    }
    for (const counter of gone) this.#left.delete(counter);
    this.#counters.drop(gone);
    this.#control.forget(gone);
  }
}

function randomKey(): readonly [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

function isSplit(route: Route): boolean {
  return route.backends.filter(({ weightPercent }) => weightPercent > 0).length > 1;
}

function isServed(table: RouteTable | null, counter: Counter): boolean {
  const { service, revisionId, instanceId, stratum } = counter;
  const routes = table === null ? [] : table.routes.filter((route) => route.service === service);
  return routes.some(({ backends, strata = [] }) => {
    const isCounted =
      stratum === null || stratum === otherStratum || strata.some(({ name }) => name === stratum);
    // A stratum that left the route: its last request may still be under way, while the instance stays.
    if (!isCounted) return counter.underWay > 0;
    const backend = backends.find((backend) => backend.revisionId === revisionId);
    if (backend === undefined || instanceId === '') return backend !== undefined;
    return backend.endpoints.some((endpoint) => endpoint.instanceId === instanceId);
  });
}
