import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthorityFolder } from '../../src/adapters/authority/authority-folder.ts';
import { svidFiles } from '../../src/adapters/authority/svid-folder.ts';
import { SvidKeeper } from '../../src/adapters/authority/svid-keeper.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { GatewayFixture } from '../../src/apps/gateway/gateway-fixture.ts';
import type { BenchOptions } from '../form.ts';

export interface RotationReading {
  readonly requests: number;
  /** Any other answer than 200, or none. */
  readonly failed: number;
  readonly firstFailure: string | null;
  /** Certificates that the caller has used, one after the other; gateway and instance had as many. */
  readonly certificates: number;
}

const requestsPerSecond = 1000;
const turnMs = 10;
/** Long enough that a busy machine is no failure: it is the renewing that is measured. */
const svidLifeMs = 60_000;
const renewEveryMs = 1000;
const host = 'svc.localhost';

/** Requests over kept connections while the certificates of caller, gateway and instance are renewed each second. */
export async function readRotation({
  isQuick,
  say,
  signal,
}: BenchOptions): Promise<RotationReading> {
  const flags = ['--tls-listen', '127.0.0.1:0', '--tls-identity'];
  await using gateway = await GatewayFixture.start('fast', { arguments: flags });
  const { stateFolder } = gateway;
  const clock = new SystemClock();
  const authority = new AuthorityFolder(join(stateFolder, 'ca'));
  const wish = { trustDomain: 'bench.example', svidLifeMs, given: null };
  await authority.init({ ...wish, nowMs: clock.nowMs() });
  const keeper = await SvidKeeper.open({ stateFolder, clock, log: say });
  await keeper.grantGateway([host]);
  // One that begins knows of no certificate, and makes new ones, as a server does that is started again.
  const renewal = async (): Promise<void> => {
    const next = await SvidKeeper.open({ stateFolder, clock, log: say });
    for (const service of ['svc', 'caller'])
      await next.grant({ instanceId: `${service}-1`, service });
    await next.grantGateway([host]);
  };
  let underWay: Promise<void> = Promise.resolve();
  const instance = await Holder.of(keeper, 'svc');
  const caller = await Holder.of(keeper, 'caller');
  const server = createServer({ ...instance.tls, requestCert: true, rejectUnauthorized: true });
  server.on('request', (_incoming, response) => response.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const secure = { appProtocol: 'https', identity: keeper.idOf('svc') } as const;
  const endpoints = [{ instanceId: 'svc-1', host: '127.0.0.1', port, ...secure }];
  await gateway.route([{ revisionId: 'r1', weightPercent: 100, endpoints }], {
    policy: { mtls: { mode: 'strict' } },
  });
  const looking = setInterval(() => {
    void instance.look().then((isNew) => isNew && server.setSecureContext(instance.tls));
    void caller.look();
  }, 50);
  const renewing = setInterval(() => {
    underWay = underWay.then(renewal);
  }, renewEveryMs);
  try {
    signal.throwIfAborted();
    const tlsPort = await tlsPortOf(stateFolder);
    for (let tries = 0; tries < 200 && (await ask(tlsPort, caller)) !== null; tries += 1)
      await sleep(50);
    return await offered(tlsPort, caller, isQuick ? 5 : 30);
  } finally {
    clearInterval(looking);
    clearInterval(renewing);
    await underWay;
    caller.agent.destroy();
    server.close();
    server.closeAllConnections();
  }
}

/** Open loop: as many in each turn whatever has become of those before. */
async function offered(port: number, caller: Holder, seconds: number): Promise<RotationReading> {
  const before = caller.versions;
  const answers: Promise<string | null>[] = [];
  const startedMs = performance.now();
  for (let turn = 0; turn < (seconds * 1000) / turnMs; turn += 1) {
    await sleep(Math.max(0, startedMs + turn * turnMs - performance.now()));
    for (let each = 0; each < (requestsPerSecond * turnMs) / 1000; each += 1) {
      answers.push(ask(port, caller));
    }
  }
  const failures = (await Promise.all(answers)).filter((answer) => answer !== null);
  const certificates = caller.versions - before + 1;
  const firstFailure = failures[0] ?? null;
  return { requests: answers.length, failed: failures.length, firstFailure, certificates };
}

/** Null: it was answered well; else what was wrong. */
async function ask(port: number, { tls, agent }: Holder): Promise<string | null> {
  try {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      servername: host,
      headers: { host },
      agent,
      ...tls,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    const { statusCode, headers } = response;
    return statusCode === 200 ? null : `${statusCode} ${String(headers['x-tidegate-reason'])}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const empty = Buffer.alloc(0);

/** Who has a certificate, and reads it again when there is another. */
class Holder {
  readonly #folder: string;
  #version = '';
  versions = 0;
  tls: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };
  agent = new Agent();

  static async of(keeper: SvidKeeper, service: string): Promise<Holder> {
    const variables = await keeper.grant({ instanceId: `${service}-1`, service });
    const holder = new Holder(dirname(variables['TIDEGATE_SVID'] ?? ''));
    await holder.look();
    return holder;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.tls = { cert: empty, key: empty, ca: empty };
  }

  /** Whether it was another one. */
  async look(): Promise<boolean> {
    const version = await readlink(this.#folder);
    if (version === this.#version) return false;
    const file = (name: string): Promise<Buffer> =>
      readFile(join(dirname(this.#folder), version, name));
    const read = [svidFiles.certificate, svidFiles.key, svidFiles.bundle].map(file);
    const all = await Promise.all(read).catch(() => null);
    // Replaced meanwhile: looked at again in a moment.
    if (all === null) return false;
    const [cert = empty, key = empty, ca = empty] = all;
    this.#version = version;
    this.versions += 1;
    this.tls = { cert, key, ca };
    const old = this.agent;
    this.agent = new Agent({ keepAlive: true, maxSockets: 32 });
    // What is under way ends on it.
    setTimeout(() => old.destroy(), 10 * renewEveryMs).unref();
    return true;
  }
}

async function tlsPortOf(stateFolder: string): Promise<number> {
  const log = await readFile(join(stateFolder, 'gateway.log'), 'utf8');
  return Number(/serving TLS on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
}
