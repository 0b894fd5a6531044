import { startLoadProcess, type LoadProcess } from '../../src/adapters/load/load-process.ts';
import type { LoadResult } from '../../src/domain/load/load-result.ts';
import { type LoadPoint, totalsBetween } from '../../src/domain/load/load-series.ts';
import type { World } from '../world.ts';

/** Requests of the series are told apart in time by this much. */
const intervalMs = 20;
const connections = 32;

/** Users of one service: open-loop load through the gateway until it is stopped, and what they saw when. */
export class Traffic implements AsyncDisposable {
  readonly #load: LoadProcess;
  readonly #points: LoadPoint[] = [];
  readonly #failed: LoadPoint[] = [];

  constructor(world: World, service: string, requestsPerSecond: number) {
    this.#load = startLoadProcess(
      {
        url: world.gatewayUrl,
        headers: { host: `${service}.localhost` },
        targetRps: requestsPerSecond,
        durationMs: null,
        connections,
        intervalMs,
        // The machine may be shared; lateness is in the result and spoils no count.
        sendLagP99LimitMs: 1_000,
      },
      ({ atMs, durationMs, requests, errors }) => {
        const point = { atMs, durationMs, requests, errors };
        this.#points.push(point);
        if (errors > 0) this.#failed.push(point);
      },
    );
  }

  get requests(): number {
    return this.#points.reduce((sum, point) => sum + point.requests, 0);
  }

  failuresBetween(fromMs: number, toMs: number): number {
    return totalsBetween(this.#failed, fromMs, toMs).errors;
  }

  /** When the first request after `fromMs` failed, too early by 20 ms at most; null: none has. */
  firstFailureAtMs(fromMs: number): number | null {
    return this.#failed.find((point) => point.atMs + point.durationMs > fromMs)?.atMs ?? null;
  }

  stop(): Promise<LoadResult> {
    return this.#load.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load[Symbol.asyncDispose]();
  }
}
