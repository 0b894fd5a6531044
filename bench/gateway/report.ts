import { type BenchReport, type BenchTable, cell, rounded } from '../form.ts';
import { direct, names, packages, shared } from './contenders.ts';
import type { ReadingTable } from './readings.ts';
import { speedupOf } from './speedup.ts';

export interface IdleReading {
  readonly name: string;
  readonly connections: number;
  readonly residentMb: number;
}

export interface LongRun {
  /** Of all requests, how many were answered as they should be. */
  readonly success: number;
  readonly requestsPerSecond: number;
}

/** All that was read. */
export interface Read {
  readonly table: ReadingTable;
  /** Of one and two workers. */
  readonly together: ReadingTable;
  readonly idle: readonly IdleReading[];
  readonly long: LongRun | null;
}

export function tablesOf({ table, together, idle }: Read): readonly BenchTable[] {
  return [
    {
      heads: ['PROXY', 'REQUESTS/S', 'CPU US/REQUEST', 'CPU/HAPROXY', 'OF REQUESTS FAILED'],
      rows: table
        .names()
        .map((name) => [
          name,
          cell(table.median('requestsPerSecond', name)),
          cell(table.median('cpuUs', name), 1),
          cell(table.ratio('cpuUs', name, names.haproxy), 2),
          `${table.of(name).failures} of ${table.of(name).requests}`,
        ]),
    },
    {
      heads: ['PROXY', 'ADDED P50 US', 'ADDED P99 US', 'CPU US/10 MB', 'CPU/HAPROXY'],
      rows: table
        .names()
        .filter((name) => table.of(name).p50Us.length > 0 && name !== direct)
        .map((name) => [
          name,
          cell(table.difference('p50Us', name, direct)),
          cell(table.difference('p99Us', name, direct)),
          cell(table.median('bigCpuUs', name)),
          cell(table.ratio('bigCpuUs', name, names.haproxy), 2),
        ]),
    },
    {
      heads: ['ON TWO CORES', 'REQUESTS/S', 'CPU US/REQUEST', 'SPEEDUP BY CPU'],
      rows: (['haproxy', 'fast'] as const).flatMap((of) =>
        shared[of].map(({ name }, index) => [
          name,
          cell(together.median('requestsPerSecond', name)),
          cell(together.median('cpuUs', name), 1),
          index === 0 ? '' : cell(speedupOf(together, of), 2),
        ]),
      ),
    },
    {
      heads: ['PROXY', 'IDLE CONNECTIONS', 'RESIDENT MB'],
      rows: idle.map(({ name, connections, residentMb }) => {
        return [name, String(connections), cell(residentMb)];
      }),
    },
  ];
}

export function resultOf({ table, together, idle, long }: Read): BenchReport['result'] {
  const cpuOver = (name: string, other: string) => rounded(table.ratio('cpuUs', name, other), 2);
  const requestsOver = (other: string) => table.ratio('requestsPerSecond', names.fast, other);
  const added = (key: 'p50Us' | 'p99Us', name: string) => {
    return rounded(table.difference(key, name, direct));
  };
  const overPackages = packages.map(requestsOver).filter((ratio) => ratio !== null);
  const at10k = idle.find(({ name, connections }) => name === names.fast && connections === 10_000);
  return {
    cpuOverHaproxy: cpuOver(names.fast, names.haproxy),
    cpuOverHaproxyLogging: cpuOver(names.fast, names.logging),
    requestsOverHttpProxy: rounded(requestsOver(names.httpProxy), 2),
    cpuOverUndici: cpuOver(names.fast, names.compat),
    addedP50Us: added('p50Us', names.fast),
    addedP99Us: added('p99Us', names.fast),
    haproxyAddedP99Us: added('p99Us', names.haproxy),
    cpuFeaturesOffOverHaproxy: cpuOver(names.fastOff, names.haproxy),
    requestsOverBestPackage:
      overPackages.length === 0 ? null : rounded(Math.min(...overPackages), 2),
    workersSpeedup: rounded(speedupOf(together, 'fast'), 2),
    bigBodyCpuOverHaproxy: rounded(table.ratio('bigCpuUs', names.fast, names.haproxy), 2),
    rssMbAt10kIdle: rounded(at10k?.residentMb ?? null),
    // Cut, not rounded: what is not all must not look like all.
    success: long === null ? null : Math.floor(long.success * 1e7) / 1e7,
    rpsMax: rounded(long?.requestsPerSecond ?? null),
  };
}
