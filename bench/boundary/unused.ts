import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import { rule as jwt } from '../../src/apps/gateway/identity/tokens.fixture.ts';
import { usualCacheRule } from '../../src/domain/cache/cache-rule.fixture.ts';
import type { Route } from '../../src/domain/traffic/routing/route-table.ts';
import { type BenchOptions, medianOf } from '../form.ts';
import { hostName } from '../gateway/configurations.ts';
import { loadCore, proxyCore, Processes } from '../gateway/programs.ts';
import { wrk } from '../gateway/wrk.ts';
import { cpuUsOf } from '../process-stat.ts';
import { freePorts } from '../world.ts';
import type { BoundaryPlace } from './place.ts';

export interface UnusedReading {
  /** Of a request of a route without any of it, in a table where others have all, by the same in a table where nobody has any. */
  readonly cpuRatio: number;
  readonly aloneUs: number;
  readonly besideUs: number;
  readonly rounds: number;
  readonly failures: number;
}

/** What the boundary costs who does not use it: two processes of one build, asked in turn. */
export async function readUnused(
  { isQuick, say, signal }: BenchOptions,
  place: BoundaryPlace,
): Promise<UnusedReading> {
  await using processes = new Processes(`${loadCore},${proxyCore}`);
  const plain = routeTo('bench', place.backendPort);
  const others = Array.from({ length: 20 }, (_, index) =>
    guarded(`other-${index}`, place.backendPort),
  );
  const alone = await startGateway(place, processes, [plain]);
  const beside = await startGateway(place, processes, [...others, plain]);
  const rounds = isQuick ? 8 : 40;
  const seconds = isQuick ? 1 : 2;
  let failures = 0;
  const costOf = async ({ port, pid }: Started): Promise<number> => {
    const before = await cpuUsOf(pid);
    const options = { port, path: '/', connections: 16, seconds, isPaced: false };
    const result = await wrk(options, signal);
    failures += result.failures;
    return (await cpuUsOf(pid)) / result.requests - before / result.requests;
  };
  for (const each of [alone, beside, alone, beside]) await costOf(each);
  const readings: { readonly alone: number; readonly beside: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each goes first as often as the other.
    const first = round % 2 === 0 ? await costOf(alone) : 0;
    const second = await costOf(beside);
    readings.push({ alone: round % 2 === 0 ? first : await costOf(alone), beside: second });
  }
  const cpuRatio = medianOf(readings.map((each) => each.beside / each.alone)) ?? 0;
  say(`CPU of a request beside services that use all of it: ${cpuRatio.toFixed(3)} of alone`);
  return {
    cpuRatio,
    aloneUs: medianOf(readings.map((each) => each.alone)) ?? 0,
    besideUs: medianOf(readings.map((each) => each.beside)) ?? 0,
    rounds,
    failures,
  };
}

interface Started {
  readonly port: number;
  readonly pid: number;
}

async function startGateway(
  { folder, entry }: BoundaryPlace,
  processes: Processes,
  routes: readonly Route[],
): Promise<Started> {
  const [port = 0] = await freePorts(1);
  const state = join(folder, `unused-${port}`);
  await mkdir(state, { mode: 0o700 });
  const argv = [process.execPath, entry, '--state', state, '--listen', `127.0.0.1:${port}`];
  const pid = await processes.start(proxyCore, argv, port);
  await using client = new GatewayClient({ socketPath: join(state, controlSocketName) });
  await client.apply({ version: 1, routes }, AbortSignal.timeout(30_000));
  return { port, pid };
}

function routeTo(service: string, port: number): Route {
  const endpoints = [{ instanceId: `${service}-0`, host: '127.0.0.1', port }];
  return {
    service,
    host: service === 'bench' ? hostName : `${service}.localhost`,
    requestTimeoutMs: 10_000,
    backends: [{ revisionId: `${service}-1`, weightPercent: 100, endpoints }],
    matches: [],
  };
}

/** Limits by route, address and claim, a token, a caller's certificate, who may ask what, and a cache. */
function guarded(service: string, port: number): Route {
  const limit = { ratePerSecond: 1000, burst: 1000 };
  const source = { principals: ['*'], namespaces: [], ipBlocks: ['10.0.0.0/8'] };
  return {
    ...routeTo(service, port),
    policy: {
      rateLimits: [
        { ...limit, name: 'all', per: { kind: 'route' } },
        { ...limit, name: 'each', per: { kind: 'address' } },
        { ...limit, name: 'whose', per: { kind: 'claim', name: 'sub' } },
      ],
      jwt,
      mtls: { mode: 'permissive' },
      cache: { ...usualCacheRule, ttlMs: 30_000, tags: ['all'], ignoreQuery: ['utm_*'] },
      authorization: {
        mode: 'enforce',
        rules: [
          {
            name: 'a',
            action: 'ALLOW',
            from: [source],
            to: [{ methods: ['GET'], paths: ['/a/*'] }],
            when: [{ claim: 'role', values: ['admin'] }],
          },
        ],
      },
    },
  };
}
