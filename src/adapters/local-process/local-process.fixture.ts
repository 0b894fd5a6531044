import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Revision } from '../../domain/release/revision.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Instance, Platform } from '../../ports/platform.ts';
import {
  openLocalProcessPlatform,
  type LocalProcessOptions,
  type LocalProcessPlatform,
} from './local-process-platform.ts';
import { hasVariable, isRunning, readAllProcesses } from './process-table.ts';
import type { LocalProcessSettings } from './settings.ts';

export const never = new AbortController().signal;

/** The machine's time; adapters know none of each other, so not SystemClock. */
export const realClock: Clock = {
  nowMs: () => Math.floor(performance.timeOrigin + performance.now()),
  sleep: async (durationMs, signal) => {
    await delay(durationMs, undefined, { signal });
  },
};

const QUICK: Partial<LocalProcessSettings> = {
  startingProbeIntervalMs: 20,
  probeIntervalMs: 50,
  // A machine may be very slow; the test of what hangs has its own.
  probeTimeoutMs: 30_000,
  backoffFirstMs: 100,
  backoffMaxMs: 400,
  sampleIntervalMs: 50,
  goneCheckIntervalMs: 10,
  logPollIntervalMs: 20,
};

const portsEach = 100;
/** Below those that instances get elsewhere, also in tests that run meanwhile. */
const blocks = { first: 12_000, count: 90 } as const;

/**
 * Ports that no other process of the tests gives out: a port is given out before its instance listens there, so two that
 * chose the same one would only see it when it is too late. Held at a loopback address that nobody else uses.
 */
async function reservedPorts(): Promise<Pick<LocalProcessSettings, 'portFirst' | 'portLast'>> {
  const start = randomInt(blocks.count);
  for (let tries = 0; tries < blocks.count; tries += 1) {
    const portFirst = blocks.first + portsEach * ((start + tries) % blocks.count);
    const isReserved = await new Promise<boolean>((resolve) => {
      const server = createServer((socket) => socket.destroy());
      server.once('error', () => resolve(false));
      server.listen({ port: portFirst, host: '127.0.0.3', exclusive: true }, () => {
        server.unref();
        resolve(true);
      });
    });
    if (isReserved) return { portFirst, portLast: portFirst + portsEach - 1 };
  }
  throw new Error('other tests have all ports');
}

const ownPorts = await reservedPorts();

/** A server whose behaviour is told by MODE; it prints "started" first. */
const SERVER = `
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
console.log('started');
const mode = process.env.MODE ?? 'healthy';
if (mode === 'crashing') setTimeout(() => { console.error('Error: no such table'); process.exit(3); }, 150);
if (mode === 'segfault') setTimeout(() => process.kill(process.pid, 'SIGSEGV'), 150);
if (mode === 'ignores-sigterm') process.on('SIGTERM', () => console.log('not now'));
else if (mode === 'slow-stopping') process.on('SIGTERM', () => setTimeout(() => process.exit(0), 1000));
else process.on('SIGTERM', () => process.exit(0));
if (mode === 'with-child' || mode === 'crashing-parent') {
  const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("child is up")'], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', () => {
    console.log('child ' + child.pid);
    if (mode === 'crashing-parent') process.exit(4);
  });
}
if (mode === 'busy-child') {
  // Ends by itself, should nobody end it.
  spawn(process.execPath, ['-e', 'const end = Date.now() + 60000; while (Date.now() < end) {}'], { stdio: 'inherit' });
}
if (mode === 'chatty') setInterval(() => console.log('line ' + 'x'.repeat(90)), 20);
if (mode === 'runaway') {
  // In a session of its own: no signal to the group reaches it.
  spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600000)'], { stdio: 'ignore', detached: true });
}
if (mode === 'busy') setInterval(() => { for (const end = performance.now() + 200; performance.now() < end;); }, 1);
const eaten = [];
// Bounded: should nobody end it, the machine is not eaten.
const eat = () => { if (eaten.length < 60) { eaten.push(Buffer.alloc(10_000_000, 1)); setTimeout(eat, 20); } };
if (mode === 'hungry') setTimeout(eat, 300);
let hung = false;
let failing = 0;
const server = createServer((request, response) => {
  if (request.url === '/hang') { hung = true; response.end('ok'); return; }
  if (hung) return;
  if (request.url === '/eat') { response.end('ok', eat); return; }
  if (request.url === '/env') { response.end(JSON.stringify(process.env)); return; }
  if (request.url.startsWith('/fail')) { failing = Number(request.url.split('=')[1]); response.end('ok'); return; }
  if (request.url === '/readyz' && failing > 0) { failing -= 1; response.statusCode = 500; }
  if (request.url === '/readyz' && mode === 'never-ready') response.statusCode = 503;
  response.end('ok');
});
if (mode !== 'deaf') server.listen(Number(process.env.PORT), '127.0.0.1');
else setInterval(() => {}, 1000);
`;

/** A folder with a platform in it, and the certainty that nothing of it is left running at the end. */
export class Place implements AsyncDisposable {
  readonly folder: string;
  /** Unique, so that every process of this place is known by its environment. */
  readonly gatewayUrl: string;
  #revisionCount = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.gatewayUrl = `http://127.0.0.1:1/${randomBytes(8).toString('hex')}`;
  }

  static async make(): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), 'tidegate-local-')));
    await writeFile(place.program, SERVER);
    return place;
  }

  get program(): string {
    return join(this.folder, 'server.mjs');
  }

  open(change: Partial<LocalProcessOptions> = {}): Promise<LocalProcessPlatform> {
    return openLocalProcessPlatform({ ...this.options(), ...change });
  }

  options(settings: Partial<LocalProcessSettings> = {}): LocalProcessOptions {
    return {
      folder: join(this.folder, 'platform'),
      clock: realClock,
      gatewayUrl: this.gatewayUrl,
      environment: { PATH: process.env['PATH'], HOME: '/nowhere', SECRET: 'hidden' },
      settings: { ...QUICK, ...ownPorts, ...settings },
    };
  }

  revision(mode: string, change: Partial<Revision> = {}): Revision {
    this.#revisionCount += 1;
    return {
      id: `shop-${this.#revisionCount.toString(16).padStart(10, '0')}`,
      digest: '0'.repeat(64),
      service: 'shop',
      version: null,
      command: [process.execPath, this.program],
      workingDirectory: this.folder,
      env: { MODE: mode },
      health: { readyPath: '/readyz', livePath: '/livez', stopGraceMs: 5_000, startTimeoutMs: 600 },
      instances: 1,
      ...change,
    };
  }

  /** Pids of everything that runs with this place's mark, in groups or not. */
  running(): readonly number[] {
    return readAllProcesses()
      .filter(
        (stat) => isRunning(stat) && hasVariable(stat.pid, 'TIDEGATE_GATEWAY', this.gatewayUrl),
      )
      .map((stat) => stat.pid);
  }

  /** Stops what the test left on purpose, and fails when something is left after that. */
  async [Symbol.asyncDispose](): Promise<void> {
    {
      await using platform = await this.open();
      const revisionIds = new Set(
        (await platform.observe(never)).map((instance) => instance.revisionId),
      );
      for (const id of revisionIds) await platform.stop(this.revision('', { id }), never);
    }
    const left = this.running();
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
    assert.deepEqual(left, [], 'processes left running');
  }
}

/** Looks every 10 ms until the condition holds; fails with what was seen last. */
export async function until<Seen>(
  look: () => Seen | Promise<Seen>,
  isRight: (seen: Seen) => boolean,
  atMostMs = 60_000,
): Promise<Seen> {
  const untilMs = performance.now() + atMostMs;
  let seen = await look();
  while (!isRight(seen)) {
    if (performance.now() > untilMs) {
      const message = `not within ${atMostMs} ms; last seen: ${JSON.stringify(seen)}`;
      throw new assert.AssertionError({ message });
    }
    await delay(10);
    seen = await look();
  }
  return seen;
}

/** The only instance, once it is as wanted. */
export async function untilOnly(
  platform: Platform,
  isRight: (instance: Instance) => boolean,
): Promise<Instance> {
  const instances = await until(
    () => platform.observe(never),
    ([only]) => only !== undefined && isRight(only),
  );
  assert.ok(instances[0]);
  return instances[0];
}
