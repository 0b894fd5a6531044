import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AuthorityFolder } from '../../src/adapters/authority/authority-folder.ts';
import { SvidKeeper } from '../../src/adapters/authority/svid-keeper.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { GatewayFixture } from '../../src/apps/gateway/gateway-fixture.ts';
import type { BenchOptions } from '../form.ts';
import type { CallerCounts } from './rotating-caller.ts';
import type { InstanceCounts } from './rotating-instance.ts';

export interface RotationReading {
  readonly seconds: number;
  readonly caller: CallerCounts;
  readonly instance: InstanceCounts;
}

const requestsPerSecond = 1000;
/** Long enough that a busy machine is no failure: it is the renewing that is measured. */
const svidLifeMs = 60_000;
const renewEveryMs = 1000;
const host = 'svc.localhost';

/**
 * Requests over kept connections while the certificates of caller, gateway and instance are renewed each second: four processes, this
 * one renews.
 */
export async function readRotation({
  isQuick,
  say,
  signal,
}: BenchOptions): Promise<RotationReading> {
  const flags = ['--tls-listen', '127.0.0.1:0', '--tls-identity'];
  await using gateway = await GatewayFixture.start('fast', { arguments: flags });
  const { stateFolder } = gateway;
  const identities = await Identities.make(stateFolder, say);
  const children = new AbortController();
  try {
    const instance = start('rotating-instance.ts', [identities.instance], children.signal);
    const { port } = await said<{ readonly port: number }>(instance);
    const secure = { appProtocol: 'https', identity: identities.instanceId } as const;
    const endpoints = [{ instanceId: 'svc-1', host: '127.0.0.1', port, ...secure }];
    await gateway.route([{ revisionId: 'r1', weightPercent: 100, endpoints }], {
      policy: { mtls: { mode: 'strict' } },
    });
    const seconds = isQuick ? 10 : 30;
    const where = [identities.caller, String(await tlsPortOf(stateFolder)), host];
    const plan = [...where, String(seconds), String(requestsPerSecond)];
    signal.throwIfAborted();
    identities.renewEach(renewEveryMs);
    const caller = await said<CallerCounts>(start('rotating-caller.ts', plan, children.signal));
    const counted = said<InstanceCounts>(instance);
    instance.send('counts');
    return { seconds, caller, instance: await counted };
  } finally {
    await identities[Symbol.asyncDispose]();
    children.abort();
  }
}

/** The folders with certificates of all three, and their renewing. */
class Identities implements AsyncDisposable {
  readonly instance: string;
  readonly caller: string;
  readonly instanceId: string;
  readonly #renew: () => Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  #underWay: Promise<void> = Promise.resolve();

  static async make(stateFolder: string, log: (line: string) => void): Promise<Identities> {
    const clock = new SystemClock();
    const authority = new AuthorityFolder(join(stateFolder, 'ca'));
    const wish = { trustDomain: 'bench.example', svidLifeMs, given: null };
    await authority.init({ ...wish, nowMs: clock.nowMs() });
    const folders = new Map<string, string>();
    // One that begins knows of no certificate, and makes new ones, as a server does that is started again.
    const renew = async (): Promise<void> => {
      const keeper = await SvidKeeper.open({ stateFolder, clock, log });
      for (const service of ['svc', 'caller']) {
        const variables = await keeper.grant({ instanceId: `${service}-1`, service });
        folders.set(service, dirname(variables['TIDEGATE_SVID'] ?? ''));
      }
      await keeper.grantGateway([host]);
    };
    await renew();
    const keeper = await SvidKeeper.open({ stateFolder, clock, log });
    return new Identities(folders, keeper.idOf('svc'), renew);
  }

  private constructor(
    folders: ReadonlyMap<string, string>,
    instanceId: string,
    renew: () => Promise<void>,
  ) {
    this.instance = folders.get('svc') ?? '';
    this.caller = folders.get('caller') ?? '';
    this.instanceId = instanceId;
    this.#renew = renew;
  }

  renewEach(everyMs: number): void {
    this.#timer = setInterval(() => {
      this.#underWay = this.#underWay.then(this.#renew);
    }, everyMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#underWay;
  }
}

function start(script: string, argv: readonly string[], signal: AbortSignal): ChildProcess {
  const child = fork(join(import.meta.dirname, script), argv, { execArgv: [], signal });
  // Ended by its signal, at the end of all.
  child.on('error', () => undefined);
  return child;
}

/** The next that it sends; rejects when it ends before. */
async function said<T>(child: ChildProcess): Promise<T> {
  const heard = new AbortController();
  const { signal } = heard;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.at(1)} ended with ${String(code)}`);
  });
  // Aborted when the message is there.
  ended.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [T];
  heard.abort();
  return message;
}

async function tlsPortOf(stateFolder: string): Promise<number> {
  const log = await readFile(join(stateFolder, 'gateway.log'), 'utf8');
  return Number(/serving TLS on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
}
