import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BenchOptions, medianOf } from '../form.ts';
import { output, Processes } from '../gateway/programs.ts';
import { wrk, type WrkResult } from '../gateway/wrk.ts';
import { cpuUsOfTree } from '../process-stat.ts';
import type { BoundaryPlace } from './place.ts';
import { openTlsPlace, type Terminator } from './tls-place.ts';

export interface TlsReading {
  readonly name: string;
  /** Of one request, ours and HAProxy's. */
  readonly ownUs: number;
  readonly peerUs: number;
  /** The middle one of the quotients of the rounds. */
  readonly ratio: number;
  /** Requests of both. */
  readonly requests: number;
  readonly failures: number;
}

export interface TlsReport {
  readonly keptAlive: TlsReading;
  readonly tenthNew: TlsReading;
  readonly mutual: TlsReading;
  readonly rounds: number;
  /** What both have agreed on with a caller. */
  readonly handshake: string;
}

/** Each tenth request on a connection of its own, with a full handshake. */
export const requestsPerConnection = 10;
const connections = 16;

/** CPU of a request whose caller, or instance, speaks TLS: our gateway and HAProxy asked in turn, with one certificate. */
export async function readTls(
  { isQuick, say, signal }: BenchOptions,
  place: BoundaryPlace,
): Promise<TlsReport> {
  await using processes = new Processes();
  const { front, mutual } = await openTlsPlace(place, processes, signal);
  const handshake = await sameHandshake(front.own.tlsPort, front.peer.tlsPort);
  const plan = { rounds: isQuick ? 5 : 11, seconds: isQuick ? 1 : 2, signal };
  const kept = (port: number, isTls: boolean): Promise<WrkResult> =>
    wrk({ port, path: '/', connections, seconds: plan.seconds, isPaced: false, isTls }, signal);
  const fresh = (port: number): Promise<Asked> => renewing(port, plan.seconds, signal);
  const loads: readonly Load[] = [
    { name: 'connections that are kept', ...front, ask: ({ tlsPort }) => kept(tlsPort, true) },
    {
      name: 'a new connection for each tenth request',
      ...front,
      ask: ({ tlsPort }) => fresh(tlsPort),
    },
    {
      name: 'callers in plaintext, mutual TLS to instances',
      ...mutual,
      ask: ({ port }) => kept(port, false),
    },
  ];
  const [keptAlive, tenthNew, toInstances] = await interleaved(loads, { ...plan, say });
  if (keptAlive === undefined || tenthNew === undefined || toInstances === undefined)
    throw new Error('a load was not measured');
  return { keptAlive, tenthNew, mutual: toInstances, rounds: plan.rounds, handshake };
}

interface Asked {
  readonly requests: number;
  readonly failures: number;
}

interface Load {
  readonly name: string;
  readonly own: Terminator;
  readonly peer: Terminator;
  readonly ask: (of: Terminator) => Promise<Asked>;
}

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

async function interleaved(
  loads: readonly Load[],
  { rounds, say, signal }: Plan,
): Promise<readonly TlsReading[]> {
  const read: readonly Read[] = loads.map((load) => {
    return { load, own: [], peer: [], requests: 0, failures: 0 };
  });
  const costOf = async (of: Terminator, each: Read): Promise<number> => {
    signal.throwIfAborted();
    const beforeUs = await cpuUsOfTree(of.pid);
    const { requests, failures } = await each.load.ask(of);
    each.requests += requests;
    each.failures += failures;
    return ((await cpuUsOfTree(of.pid)) - beforeUs) / requests;
  };
  // Code is compiled and connections to instances are opened by then.
  for (const each of read) {
    for (const asked of [each.load.own, each.load.peer]) await costOf(asked, each);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const each of read) {
      const { own, peer } = each.load;
      // Each goes first as often as the other.
      if (round % 2 === 0) each.own.push(await costOf(own, each));
      each.peer.push(await costOf(peer, each));
      if (round % 2 === 1) each.own.push(await costOf(own, each));
    }
    say(`TLS beside HAProxy's: round ${round + 1} of ${rounds}`);
  }
  return read.map(readingOf);
}

interface Read {
  readonly load: Load;
  readonly own: number[];
  readonly peer: number[];
  requests: number;
  failures: number;
}

function readingOf({ load, own, peer, requests, failures }: Read): TlsReading {
  return {
    name: load.name,
    ownUs: medianOf(own) ?? 0,
    peerUs: medianOf(peer) ?? 0,
    ratio: medianOf(own.map((each, round) => each / (peer[round] ?? Number.NaN))) ?? 0,
    requests,
    failures,
  };
}

/** By a process of its own, on the core of the load. */
async function renewing(port: number, seconds: number, signal: AbortSignal): Promise<Asked> {
  const script = join(import.meta.dirname, 'renewing-callers.ts');
  const numbers = [port, seconds, connections, requestsPerConnection].map(String);
  const text = await output([process.execPath, script, ...numbers], signal);
  return JSON.parse(text) as Asked;
}

/** Version, cipher, kind of certificate and key agreement that a caller gets; both have to give the same, or nothing is compared. */
async function sameHandshake(port: number, peerPort: number): Promise<string> {
  const [own, peer] = await Promise.all([port, peerPort].map((each) => handshakeOf(each)));
  if (own !== undefined && own === peer) return own;
  throw new Error(`the handshakes are not alike: ${own} here, ${peer} of HAProxy`);
}

async function handshakeOf(port: number): Promise<string> {
  const asking = promisify(execFile)('openssl', [
    's_client',
    '-brief',
    '-connect',
    `127.0.0.1:${port}`,
  ]);
  asking.child.stdin?.end();
  const { stderr } = await asking;
  const said = ['Protocol version', 'Ciphersuite', 'Signature type', 'Server Temp Key'];
  return said
    .map((name) => new RegExp(`^${name}: (.+)$`, 'm').exec(stderr)?.[1] ?? `no ${name}`)
    .join(', ');
}
