import { runLoad } from '../../src/adapters/load/load-generator.ts';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';
import { cpuUsOf } from '../process-stat.ts';
import { saturate } from './saturate.ts';
import { hostName, type Target, Targets } from './targets.ts';

export const about =
  'requests/s, CPU and added latency of the gateway beside a plain proxy and nginx';

const connections = 32;
const latencyRps = 800;

interface Readings {
  readonly requestsPerSecond: number[];
  readonly cpuUsPerRequest: number[];
  readonly p50Ms: number[];
  readonly p99Ms: number[];
}

/** Rounds are interleaved over the targets, so that a busy moment of the machine meets all of them. */
export async function run(options: BenchOptions): Promise<BenchReport> {
  const plan = options.isQuick
    ? { rounds: 3, saturateMs: 700, latencyMs: 1_000 }
    : { rounds: 5, saturateMs: 1_200, latencyMs: 1_500 };
  await using targets = await Targets.start(options.signal);
  const readings = new Map<Target, Readings>();
  for (const target of targets.all) {
    readings.set(target, { requestsPerSecond: [], cpuUsPerRequest: [], p50Ms: [], p99Ms: [] });
    // Compiles the target's code and opens its connections.
    await saturate(target.port, { host: hostName, connections, durationMs: 500 });
  }
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const [target, into] of readings) {
      options.signal.throwIfAborted();
      await readThroughput(target, into, plan.saturateMs);
      await readLatency(target, into, { durationMs: plan.latencyMs, signal: options.signal });
    }
    options.say(`round ${round} of ${plan.rounds}`);
  }
  return report(readings);
}

async function readThroughput(target: Target, into: Readings, durationMs: number): Promise<void> {
  const beforeUs = await cpuUsOf(target.pid);
  const { requests, tookMs } = await saturate(target.port, {
    host: hostName,
    connections,
    durationMs,
  });
  into.cpuUsPerRequest.push(((await cpuUsOf(target.pid)) - beforeUs) / requests);
  into.requestsPerSecond.push((requests / tookMs) * 1000);
}

async function readLatency(
  target: Target,
  into: Readings,
  how: { readonly durationMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const result = await runLoad(
    {
      url: `http://127.0.0.1:${target.port}/`,
      headers: { host: hostName },
      targetRps: latencyRps,
      durationMs: how.durationMs,
      connections,
    },
    how.signal,
  );
  if (result.errors > 0) throw new Error(`${target.name} failed ${result.errors} requests`);
  into.p50Ms.push(result.service.p50Ms);
  into.p99Ms.push(result.service.p99Ms);
}

function report(readings: ReadonlyMap<Target, Readings>): BenchReport {
  const medians = [...readings].map(([target, each]) => ({
    name: target.name,
    requestsPerSecond: medianOf(each.requestsPerSecond),
    cpuUs: medianOf(each.cpuUsPerRequest),
    p50Ms: medianOf(each.p50Ms),
    p99Ms: medianOf(each.p99Ms),
  }));
  const of = (start: string) => medians.find(({ name }) => name.startsWith(start)) ?? null;
  const [direct, ours, plain, nginx] = [of('direct'), of('tidegate'), of('node:http'), of('nginx')];
  const added = (key: 'p50Ms' | 'p99Ms', each: (typeof medians)[number] | null) =>
    difference(each?.[key] ?? null, direct?.[key] ?? null);
  return {
    tables: [
      {
        heads: ['TARGET', 'REQUESTS/S', 'CPU US/REQUEST', 'ADDED P50 MS', 'ADDED P99 MS'],
        rows: medians.map((each) => [
          each.name,
          cell(each.requestsPerSecond),
          cell(each.cpuUs),
          each === direct ? '-' : cell(added('p50Ms', each), 2),
          each === direct ? '-' : cell(added('p99Ms', each), 2),
        ]),
      },
    ],
    notes: [
      `Requests/s: ${connections} connections, each sends its next request when it has the answer; client, target and backend share the machine.`,
      `CPU: time of the target's threads on a CPU while saturated (/proc/PID/task/*/schedstat). Of "direct" it is the backend's.`,
      `Added latency: at ${latencyRps} requests/s, service time beside the backend asked directly. Medians of interleaved rounds.`,
      ...(nginx === null ? ['nginx is not installed here; its row is left out.'] : []),
    ],
    result: {
      requestsPerSecond: rounded(ours?.requestsPerSecond ?? null),
      cpuUsPerRequest: rounded(ours?.cpuUs ?? null, 1),
      addedP50Ms: rounded(added('p50Ms', ours), 2),
      addedP99Ms: rounded(added('p99Ms', ours), 2),
      plainProxyRequestsPerSecond: rounded(plain?.requestsPerSecond ?? null),
      plainProxyCpuUsPerRequest: rounded(plain?.cpuUs ?? null, 1),
      plainProxyAddedP50Ms: rounded(added('p50Ms', plain), 2),
      nginxRequestsPerSecond: rounded(nginx?.requestsPerSecond ?? null),
      nginxCpuUsPerRequest: rounded(nginx?.cpuUs ?? null, 1),
      timesPlainProxyRequestsPerSecond: rounded(
        quotient(ours?.requestsPerSecond ?? null, plain?.requestsPerSecond ?? null),
        2,
      ),
      timesPlainProxyCpu: rounded(quotient(ours?.cpuUs ?? null, plain?.cpuUs ?? null), 2),
      timesNginxCpu: rounded(quotient(ours?.cpuUs ?? null, nginx?.cpuUs ?? null), 2),
    },
  };
}

function difference(value: number | null, base: number | null): number | null {
  return value === null || base === null ? null : value - base;
}

function quotient(value: number | null, base: number | null): number | null {
  return value === null || base === null ? null : value / base;
}
