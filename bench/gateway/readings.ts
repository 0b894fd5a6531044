import { medianOf } from '../form.ts';
import { cpuUsOfTree } from '../process-stat.ts';
import { bigPath } from './configurations.ts';
import type { Running } from './contenders.ts';
import { wrk, type WrkResult } from './wrk.ts';

/** What was read of one contender; one entry a round, null in a round in which it did not run. */
export interface Readings {
  readonly requestsPerSecond: (number | null)[];
  readonly cpuUs: (number | null)[];
  readonly p50Us: (number | null)[];
  readonly p99Us: (number | null)[];
  readonly bigCpuUs: (number | null)[];
  requests: number;
  failures: number;
}

export class ReadingTable {
  readonly #byName = new Map<string, Readings>();

  of(name: string): Readings {
    let readings = this.#byName.get(name);
    if (readings === undefined) {
      const lists = { requestsPerSecond: [], cpuUs: [], p50Us: [], p99Us: [], bigCpuUs: [] };
      readings = { ...lists, requests: 0, failures: 0 };
      this.#byName.set(name, readings);
    }
    return readings;
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** The middle of the quotients of the rounds: both of a quotient met the machine in the same mood. */
  ratio(key: ListKey, name: string, other: string): number | null {
    return medianOf(this.#pairs(key, name, other).map(([one, two]) => one / two));
  }

  /** The middle of the differences of the rounds. */
  difference(key: ListKey, name: string, other: string): number | null {
    return medianOf(this.#pairs(key, name, other).map(([one, two]) => one - two));
  }

  median(key: ListKey, name: string): number | null {
    return medianOf(this.of(name)[key].filter((value) => value !== null));
  }

  #pairs(key: ListKey, name: string, other: string): readonly (readonly [number, number])[] {
    const others = this.of(other)[key];
    return this.of(name)[key].flatMap((one, round) => {
      const two = others[round] ?? null;
      return one === null || two === null ? [] : [[one, two] as const];
    });
  }
}

type ListKey = 'requestsPerSecond' | 'cpuUs' | 'p50Us' | 'p99Us' | 'bigCpuUs';

export interface Reading {
  readonly seconds: number;
  readonly signal: AbortSignal;
}

const saturatingConnections = 64;
const bigConnections = 8;

export async function readThroughput(
  { pid, port }: { readonly pid: number | null; readonly port: number },
  into: Readings,
  { seconds, signal }: Reading,
): Promise<void> {
  const beforeUs = pid === null ? 0 : await cpuUsOfTree(pid);
  const load = { port, path: '/', connections: saturatingConnections, seconds, isPaced: false };
  const result = await wrk(load, signal);
  const spentUs = pid === null ? null : (await cpuUsOfTree(pid)) - beforeUs;
  add(into, result);
  into.requestsPerSecond.push((result.requests / result.tookUs) * 1e6);
  into.cpuUs.push(spentUs === null ? null : spentUs / result.requests);
}

export async function readLatency(
  port: number,
  into: Readings,
  { seconds, signal }: Reading,
): Promise<void> {
  const load = { port, path: '/', connections: saturatingConnections, seconds, isPaced: true };
  const result = await wrk(load, signal);
  add(into, result);
  into.p50Us.push(result.p50Us);
  into.p99Us.push(result.p99Us);
}

export async function readBigBodies(
  { pid, port }: Running,
  into: Readings,
  { seconds, signal }: Reading,
): Promise<void> {
  const beforeUs = await cpuUsOfTree(pid);
  const load = { port, path: bigPath, connections: bigConnections, seconds, isPaced: false };
  const result = await wrk(load, signal);
  add(into, result);
  // Bodies that were under way at the end cost as much as a part of them; they are few beside those that ended.
  into.bigCpuUs.push(((await cpuUsOfTree(pid)) - beforeUs) / result.requests);
}

function add(into: Readings, { requests, failures }: WrkResult): void {
  into.requests += requests;
  into.failures += failures;
}
