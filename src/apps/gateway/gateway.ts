import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import {
  controlSocketName,
  makeStateFolder,
  routesFileName,
  startTicks,
  writeGatewayFile,
} from '../../adapters/gateway/gateway-file.ts';
import { AdminServer } from './admin-server.ts';
import { checkRouteTable } from '../../domain/traffic/routing/check-route-table.ts';
import type { Route, RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { ControlServer } from './control-server.ts';
import type { Address, DataPlane } from './data-plane.ts';
import { OfrepServer } from './flags/ofrep-server.ts';
import { Forgetting } from './forgetting.ts';
import type { ProcessMetrics } from './metrics/metric-family.ts';
import { stateFamilies } from './metrics/state-metrics.ts';
import { TableFile } from './table-file.ts';

export interface GatewayOptions {
  readonly stateFolder: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null: in the state folder. */
  readonly controlSocket: string | null;
  /** Where /metrics, /livez and /readyz are served; null: nowhere. */
  readonly admin: Address | null;
  /** Where instances ask for flags; null: nowhere. */
  readonly flags: Address | null;
  /** Of the package, and the name of the engine: for `tidegate_gateway_build_info`. */
  readonly version: string;
  readonly engineName: string;
  /** What serves. */
  readonly plane: DataPlane;
  readonly log: (message: string) => void;
}

/** Why a gateway did not start, with what people can do about it. */
export interface StartFault {
  readonly kind: 'address-in-use' | 'state-in-use' | 'bad-socket-path' | 'no-port-sharing';
  readonly message: string;
}

const drainMs = 30_000;
/** Of sun_path in unix(7), less the final zero. */
const socketPathBytesMax = 107;

/**
 * The gateway process: what serves, the kept table and the control socket put together.
 *
 * - G1. It serves with the last table from the state folder before any server has connected.
 * - G2. A table is checked, then switched in one step between two requests, then kept, then acknowledged. If it can't
 *   be kept (disk full) it is in force all the same: a way back must not depend on a disk.
 * - G3. Address first, control socket second: two gateways never have one of both each.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #plane: DataPlane;
  readonly #tableFile: TableFile;
  readonly #control: ControlServer;
  readonly #admin: AdminServer;
  readonly #flags: OfrepServer;
  readonly #forgetting: Forgetting;
  #appliedAtMs: number | null = null;
  #isDraining = false;

  constructor(options: GatewayOptions) {
    const { plane, stateFolder } = options;
    this.#options = options;
    this.#plane = plane;
    this.#tableFile = new TableFile(join(stateFolder, routesFileName));
    this.#control = new ControlServer({
      epoch: randomBytes(8).toString('hex'),
      counters: plane.counters,
      underWay: () => plane.underWay(),
      version: () => plane.table?.version ?? null,
      workers: () => plane.workers,
      apply: (table) => this.#apply(table),
      drain: (revisionId) => plane.drain(revisionId),
    });
    plane.onWorkersChanged = () => this.#control.workersChanged();
    // Behind what came with the first in this turn.
    plane.onWaiting = () => setImmediate(() => this.#control.report());
    this.#forgetting = new Forgetting(
      plane.counters,
      () => plane.table,
      (gone) => this.#control.forget(gone),
    );
    this.#flags = new OfrepServer(() => plane.table);
    this.#admin = new AdminServer({
      metrics: () => this.#processes(),
      notReady: () => this.#notReady(),
    });
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
    if (table !== null) {
      await this.#plane.apply(table, () => {});
      this.#appliedAtMs = Date.now();
    }
    const address = await this.#listen();
    if ('kind' in address) return address;
    if ((await this.#control.listen(controlSocket)) === 'taken') {
      const message = `cannot use the state folder ${stateFolder}: another gateway runs with it; stop that one first`;
      return { kind: 'state-in-use', message };
    }
    const ticks = (await startTicks(process.pid)) ?? '';
    const admin = await this.#listenBeside(this.#admin, this.#options.admin, 'metrics');
    const flags = await this.#listenBeside(this.#flags, this.#options.flags, 'flags');
    const own = { pid: process.pid, startTicks: ticks, host, port: address.port, controlSocket };
    const { workers } = this.#plane;
    const file = { ...own, admin, flags, ...(workers === null ? {} : { workers: workers.wanted }) };
    await writeGatewayFile(stateFolder, file);
    const served = workers === null ? '' : ` by ${workers.wanted} workers`;
    log(
      `serving on ${host}:${address.port}${served} with routes version ${table?.version ?? 'none'}`,
    );
    return { host, port: address.port };
  }

  /** Finishes what is under way, reports it, and gives everything back. */
  async stop(): Promise<void> {
    this.#forgetting[Symbol.dispose]();
    // First of all nobody shall send new requests here.
    this.#isDraining = true;
    await this.#plane.stop(drainMs);
    await this.#flags[Symbol.asyncDispose]();
    await this.#admin[Symbol.asyncDispose]();
    await this.#control[Symbol.asyncDispose]();
  }

  async #listen(): Promise<{ readonly port: number } | StartFault> {
    const { host, port } = this.#options;
    try {
      return await this.#plane.listen({ host, port });
    } catch (error) {
      const system = error as NodeJS.ErrnoException & { readonly port?: number };
      if (system.code === 'ENOTSUP') {
        const message = `cannot share ${host}:${port} between workers: this system does not deal connections out to them; use --workers 1`;
        return { kind: 'no-port-sharing', message };
      }
      if (system.code !== 'EADDRINUSE') throw error;
      // There may be another address, for TLS.
      const message = `cannot listen on ${host}:${system.port ?? port}: the port is in use; stop what has it or choose another port`;
      return { kind: 'address-in-use', message };
    }
  }

  /** A port that is in use is no reason not to serve: another one is taken, and told. */
  async #listenBeside(
    server: AdminServer | OfrepServer,
    wanted: Address | null,
    what: string,
  ): Promise<Address | null> {
    if (wanted === null) return null;
    const { host } = wanted;
    try {
      return { host, port: (await server.listen(wanted)).port };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      const { port } = await server.listen({ host, port: 0 });
      this.#options.log(`${host}:${wanted.port} is in use; ${what} are served on ${host}:${port}`);
      return { host, port };
    }
  }

  async #processes(): Promise<readonly ProcessMetrics[]> {
    const families = stateFamilies({
      version: this.#options.version,
      engine: this.#options.engineName,
      configVersion: this.#plane.table?.version ?? null,
      configAppliedAtMs: this.#appliedAtMs,
    });
    return [...(await this.#plane.metrics()), { worker: null, families }];
  }

  #notReady(): string | null {
    if (this.#isDraining) return 'the gateway is draining';
    return this.#plane.table === null ? 'no routes have come yet' : null;
  }

  async #apply(table: RouteTable): Promise<number | { readonly refused: string }> {
    const [problem] = checkRouteTable(table);
    if (problem !== undefined) return { refused: `${problem.place} ${problem.message}` };
    // A sample never spans two tables: what ended until now is told before the switch.
    const isNew = await this.#plane.apply(table, () => this.#control.report());
    const inForce = this.#plane.table ?? table;
    if (!isNew) return inForce.version;
    this.#appliedAtMs = Date.now();
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
}

/** Weights decide where its requests go. */
export function isSplit(route: Route): boolean {
  return route.backends.filter(({ weightPercent }) => weightPercent > 0).length > 1;
}
