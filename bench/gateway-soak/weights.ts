import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { type Backend, h2c, type Route } from '../../src/domain/traffic/routing/route-table.ts';
import { medianOf } from '../form.ts';

export const hostName = 'soak.localhost';

/** Of instances of HTTP/1.1, and of those of gRPC, which are asked for as `grpc.` before the name. */
export interface InstancePorts {
  readonly http: readonly number[];
  readonly grpc: readonly number[];
}

const everyMs = 50;
const underWayMax = 20;
const applyTimeoutMs = 60_000;
/** Long, since a big body is one request. */
const requestTimeoutMs = 60_000;

/** Changes the routes every 50 ms: the weights each time, and every other time half of the instances leave or come back. */
export class Weights implements AsyncDisposable {
  changes = 0;
  readonly #client: GatewayClient;
  readonly #ports: InstancePorts;
  readonly #signal: AbortSignal;
  readonly #gapsMs: number[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = performance.now();
  #failure: Error | null = null;

  static async change(
    socketPath: string,
    ports: InstancePorts,
    signal: AbortSignal,
  ): Promise<Weights> {
    const weights = new Weights(new GatewayClient({ socketPath, applyTimeoutMs }), ports, signal);
    await weights.#put();
    weights.#timer = setInterval(() => weights.#change(), everyMs);
    return weights;
  }

  private constructor(client: GatewayClient, ports: InstancePorts, signal: AbortSignal) {
    this.#client = client;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** The middle of the times from one change to the next. */
  get gapMs(): number | null {
    return medianOf(this.#gapsMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    await this.#client[Symbol.asyncDispose]();
    if (this.#failure !== null) throw this.#failure;
  }

  /** The next change does not wait for the last one to be told: on a busy machine that takes longer. */
  #change(): void {
    if (this.#underWay.size >= underWayMax) return;
    const startedMs = performance.now();
    this.#gapsMs.push(startedMs - this.#lastMs);
    this.#lastMs = startedMs;
    const change = this.#put().catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#underWay.add(change);
    void change.then(() => this.#underWay.delete(change));
  }

  async #put(): Promise<void> {
    this.changes += 1;
    const { http, grpc } = this.#ports;
    const routes = [this.#route(hostName, http, null), this.#route(`grpc.${hostName}`, grpc, h2c)];
    await this.#client.apply({ version: this.changes, routes }, this.#signal);
  }

  #route(host: string, ports: readonly number[], appProtocol: typeof h2c | null): Route {
    const candidatePercent = [0.1, 50, 99.9, 25][this.changes % 4] ?? 50;
    const isHalf = this.changes % 2 === 1;
    const backend = (revisionId: string, weightPercent: number, of: readonly number[]): Backend => {
      const endpoints = of.slice(0, isHalf ? of.length / 2 : of.length).map((port) => ({
        instanceId: `${revisionId}-${port}`,
        host: '127.0.0.1',
        port,
        ...(appProtocol === null ? {} : { appProtocol }),
      }));
      return { revisionId, weightPercent, endpoints };
    };
    const half = ports.length / 2;
    const backends = [
      backend('stable', 100 - candidatePercent, ports.slice(0, half)),
      backend('candidate', candidatePercent, ports.slice(half)),
    ];
    return { service: host, host, requestTimeoutMs, backends, matches: [] };
  }
}
