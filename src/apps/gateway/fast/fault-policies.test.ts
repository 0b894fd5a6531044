import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Endpoint, Route } from '../../../domain/traffic/routing/route-table.ts';
import {
  type TrafficPolicy,
  usualOutlierDetection,
  usualRetries,
} from '../../../domain/traffic/resilience/traffic-policy.ts';
import { Counters } from '../counters.ts';
import { until } from '../gateway-fixture.ts';
import { SecondOpinion } from '../http1/second-opinion.ts';
import { LiveRoutes } from '../live-routes.ts';
import { FastEngine } from './fast-engine.ts';
import { usualDeadlines } from './parts.ts';

/**
 * Two instances of one revision, one of which has a fault and the first turn; four requests, one after the other; the same
 * for each fault and each policy. What comes out is the table of docs/guides/resilience.md.
 */

const good = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';

/** What comes in time comes within it on any machine, and what is waited for in vain does not make the test long. */
const [patientMs, vainMs, tryMs, silentMs] = [60_000, 4000, 1500, 1500] as const;

interface Fault {
  readonly name: string;
  /** Null: nobody listens. */
  readonly does: ((socket: Socket) => void) | null;
  /** Its end is a timeout: of a head, an attempt, or silence. Those are looked at when the machine is less busy. */
  readonly ends?: 'headTimeout' | 'tryTimeout' | 'silence';
}

const soonMs = 20;

function later(socket: Socket, act: () => void, delayMs = soonMs): void {
  const timer = setTimeout(act, delayMs);
  socket.on('close', () => clearTimeout(timer));
}

const faults: readonly Fault[] = [
  { name: 'refuses connections', does: null },
  { name: 'resets before its answer', does: (socket) => socket.resetAndDestroy() },
  { name: 'closes before its answer', does: (socket) => socket.end() },
  {
    name: 'resets within its head',
    does: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-le');
      later(socket, () => socket.resetAndDestroy());
    },
  },
  {
    name: 'resets within its body',
    does: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello');
      later(socket, () => socket.resetAndDestroy());
    },
  },
  { name: 'stalls before its head', does: () => {}, ends: 'headTimeout' },
  {
    name: 'stalls within its head',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\ncont'),
    ends: 'headTimeout',
  },
  {
    name: 'stalls within its body',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello'),
    ends: 'silence',
  },
  {
    name: 'says more than it sends',
    does: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello'),
  },
  {
    name: 'says less than it sends',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, world'),
  },
  { name: 'half-closes behind its answer', does: (socket) => socket.end(good) },
  { name: 'sends garbage', does: (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n\r\n') },
  {
    name: 'begins its answer late',
    does: (socket) => later(socket, () => socket.write(good), vainMs),
    ends: 'tryTimeout',
  },
  {
    name: 'answers 503',
    does: (socket) => socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'),
  },
  {
    name: 'answers 500',
    does: (socket) => socket.write('HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n'),
  },
];

const off: TrafficPolicy = { retries: { ...usualRetries, attempts: 0 } };
const retries = {
  ...usualRetries,
  onReset: true,
  onStatuses: [502, 503, 504],
  methods: 'idempotent',
  backOffMs: 1,
} as const;
const outlierDetection = { ...usualOutlierDetection, consecutiveGatewayErrors: 1 };
const noLimit = { maxConnections: null, maxPendingRequests: null, maxRetries: null };

/** Columns of the table. */
const policies: readonly (readonly [name: string, policy: TrafficPolicy | undefined])[] = [
  ['nothing', off],
  ['the defaults', undefined],
  ['`retries`', { retries }],
  ['`perTryTimeout`', { retries: { ...retries, perTryTimeoutMs: patientMs } }],
  ['ejection', { ...off, outlierDetection }],
  ['a full breaker', { ...off, circuitBreaker: { ...noLimit, maxRequests: 1 } }],
];

const opinion = new SecondOpinion();

class Bench implements AsyncDisposable {
  readonly counters = new Counters();
  readonly #routes = new LiveRoutes(this.counters, [1, 2]);
  readonly #engine: FastEngine;
  readonly #servers: Server[] = [];
  attempts = 0;
  port = 0;

  private constructor(silenceMs: number) {
    this.#engine = new FastEngine(this.#routes, {
      opinion,
      deadlines: { ...usualDeadlines, silenceMs },
    });
  }

  static async start(fault: Fault, usual: TrafficPolicy | undefined): Promise<Bench> {
    const policy = policyFor(fault, usual);
    const bench = new Bench(fault.ends === 'silence' ? silentMs : patientMs);
    const bad = await bench.#instance('bad', fault.does);
    const well = await bench.#instance('well', (socket) => socket.write(good));
    const route: Route = {
      service: 'svc',
      host: 'svc',
      requestTimeoutMs: fault.ends === 'headTimeout' && !isHeld(policy) ? vainMs : patientMs,
      backends: [
        {
          revisionId: 'r1',
          weightPercent: 100,
          endpoints: isHeld(policy) ? [well, bad] : [bad, well],
        },
      ],
      matches: [],
      ...(policy === undefined ? {} : { policy }),
    };
    bench.#routes.apply({ version: 1, routes: [route] });
    bench.port = (await bench.#engine.listen({ host: '127.0.0.1', port: 0 })).port;
    return bench;
  }

  async #instance(instanceId: string, does: Fault['does']): Promise<Endpoint> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      socket.on('data', (bytes) => {
        if (bytes.toString('latin1').startsWith('GET /held')) return;
        this.attempts += 1;
        does?.(socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    this.#servers.push(server);
    // Nobody listens at its other loopback address. A port that was let go could be given to another server meanwhile.
    return { instanceId, host: does === null ? '127.0.0.2' : '127.0.0.1', port };
  }

  /** A request that stays under way until the connection is destroyed. */
  async hold(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /held HTTP/1.1\r\nHost: svc\r\n\r\n');
    await until(() => this.counters.all().some(({ underWay }) => underWay > 0));
    return socket;
  }

  /** Status, with `!` if the answer was cut short. */
  async send(): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: svc\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    const [, status = 'nothing', length = '0'] =
      /^HTTP\/1\.1 (\d+)[^]*?content-length: (\d+)/.exec(received) ?? [];
    const body = received.slice(received.indexOf('\r\n\r\n') + 4);
    return body.length === Number(length) ? status : `${status}!`;
  }

  /** Requests that count as failures of the revision. */
  get failures(): number {
    const of = ({ byStatusClass }: { readonly byStatusClass: Float64Array }): number =>
      (byStatusClass[4] ?? 0) + (byStatusClass[5] ?? 0);
    return this.counters.all().reduce((sum, counter) => sum + of(counter), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.drain(0);
    for (const server of this.#servers) server.close();
  }
}

/** An attempt has no more time than it needs where one is waited for in vain. */
function policyFor({ ends }: Fault, policy: TrafficPolicy | undefined): TrafficPolicy | undefined {
  const isTried = policy?.retries !== undefined && policy.retries.perTryTimeoutMs === patientMs;
  if (ends === undefined || ends === 'silence' || !isTried) return policy;
  return { ...policy, retries: { ...policy.retries, perTryTimeoutMs: tryMs } };
}

/** A request is under way already; it has the first turn, so it goes to the instance that is well. */
function isHeld(policy: TrafficPolicy | undefined): boolean {
  return policy?.circuitBreaker !== undefined;
}

/** `502 200 502 200; 2; 2`: what callers saw, attempts that reached an instance, failures counted. */
async function cellOf(bench: Bench, policy: TrafficPolicy | undefined): Promise<string> {
  const held = isHeld(policy) ? await bench.hold() : null;
  const seen: string[] = [];
  for (let sent = 0; sent < 4; sent += 1) seen.push(await bench.send());
  held?.destroy();
  return `${seen.join(' ')}; ${bench.attempts}; ${bench.failures}`;
}

function rowOf(fault: Fault): Promise<readonly string[]> {
  return Promise.all(
    policies.map(async ([, policy]) => {
      await using bench = await Bench.start(fault, policy);
      return await cellOf(bench, policy);
    }),
  );
}

const guide = new URL('../../../../docs/guides/resilience.md', import.meta.url);
const marks = ['<!-- faults -->', '<!-- end of faults -->'] as const;

test('what callers see of each fault under each policy is what the guide says', async () => {
  const cells = new Map<Fault, readonly string[]>();
  const slow = faults.filter(({ ends }) => ends !== undefined);
  for (const group of [faults.filter((fault) => !slow.includes(fault)), slow]) {
    const rows = await Promise.all(group.map(rowOf));
    for (const [index, fault] of group.entries()) cells.set(fault, rows[index] ?? []);
  }
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const table = [
    line(['one of two instances', ...policies.map(([name]) => name)]),
    line(['---', ...policies.map(() => '---')]),
    ...faults.map((fault) => line([fault.name, ...(cells.get(fault) ?? [])])),
  ].join('\n');
  const text = readFileSync(guide, 'utf8');
  const [before = '', rest = ''] = text.split(marks[0]);
  const [written = '', after = ''] = rest.split(marks[1]);
  if (process.env['TIDEGATE_REWRITE'] === '1') {
    writeFileSync(guide, `${before}${marks[0]}\n${table}\n${marks[1]}${after}`);
    return;
  }
  assert.deepEqual(written.trim().split('\n'), table.split('\n'));
});
