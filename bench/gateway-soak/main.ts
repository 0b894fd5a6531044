import { type BenchOptions, type BenchReport, rounded } from '../form.ts';
import { bodies, huge } from './bodies.ts';
import { connections } from './connections.ts';
import { grpc } from './grpc.ts';
import type { Finding, SoakPart, SoakPlan } from './part.ts';
import { openSoakPlace } from './place.ts';
import { webSockets } from './web-sockets.ts';

export const about =
  'big bodies, 10,000 connections, WebSockets, gRPC through weights that change every 50 ms: every octet checked';

const allParts: readonly SoakPart[] = [bodies, huge, connections, webSockets, grpc];

export const parts: readonly string[] = allParts.map(({ name }) => name);

const quickPlan: SoakPlan = {
  isBuilt: false,
  bodies: 4,
  bodiesAtOnce: 4,
  hugeBytes: 64 * 1024 ** 2,
  connections: 1000,
  activeConnections: 100,
  activeSeconds: 2,
  webSockets: 10,
  webSocketSeconds: 10,
  grpcConnections: 2,
  grpcSeconds: 10,
};
const fullPlan: SoakPlan = {
  isBuilt: true,
  bodies: 50,
  bodiesAtOnce: 8,
  hugeBytes: 1024 ** 3,
  connections: 10_000,
  activeConnections: 1000,
  activeSeconds: 40,
  webSockets: 50,
  webSocketSeconds: 600,
  grpcConnections: 10,
  grpcSeconds: 600,
};

export async function run(options: BenchOptions): Promise<BenchReport> {
  return soak(options.isQuick ? quickPlan : fullPlan, options);
}

export async function soak(plan: SoakPlan, options: BenchOptions): Promise<BenchReport> {
  const { only = parts, signal } = options;
  const findings: Finding[] = [];
  let changes = 0;
  let gapMs: number | null = null;
  for (const part of allParts.filter(({ name }) => only.includes(name))) {
    // Each before a gateway that has served nothing else, for the sake of its memory's figures.
    await using place = await openSoakPlace({
      isBuilt: plan.isBuilt,
      isHttp2: part.isHttp2 ?? false,
      signal,
    });
    findings.push(await part.run(place, plan, options));
    changes += place.weights.changes;
    gapMs = place.weights.gapMs;
  }
  const faults = findings.flatMap((finding) => finding.faults);
  return {
    tables: [{ heads: ['WHAT', 'COUNT', 'FAILED'], rows: findings.flatMap(({ rows }) => rows) }],
    notes: [
      'Routes are changed every 50 ms: the weights each time, and each other time half of the instances leave or come back.',
      'Octets say which stream and place they are of, and are compared on arrival, at the instance or the caller.',
      `Memory is the gateway's, ${plan.isBuilt ? 'built' : 'run from TypeScript, which takes about 30 MB more'}.`,
      'Calls of gRPC are of HTTP/2 without TLS on both sides; each tells in its trailers how many messages it had.',
      ...faults.map((fault) => `Fault: ${fault}`),
    ],
    result: {
      ...Object.assign({}, ...findings.map(({ result }) => result)),
      weightChanges: changes,
      weightChangeGapMs: rounded(gapMs),
      faults: faults.length,
    },
  };
}
