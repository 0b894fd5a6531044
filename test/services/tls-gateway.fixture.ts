import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { findGateway } from '../../src/adapters/gateway/gateway-file.ts';
import { boundMs, gatewayProgram, until } from '../../src/apps/gateway/gateway-fixture.ts';
import { CertificateFolder } from '../../src/apps/gateway/tls/certificate.fixture.ts';
import type { Backend } from '../../src/domain/traffic/routing/route-table.ts';
import {
  type InstanceCount,
  type TrafficSample,
} from '../../src/domain/traffic/samples/traffic-sample.ts';

/** A gateway process with TLS and h2c, and certificates for `*.test.example`. */
export class TlsGateway implements AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly client: GatewayClient;
  readonly folder: CertificateFolder;
  readonly samples: TrafficSample[] = [];
  readonly #state: string;
  readonly #process: ChildProcess;
  #version = 0;

  private constructor(
    ports: { readonly port: number; readonly tlsPort: number; readonly controlSocket: string },
    made: {
      readonly process: ChildProcess;
      readonly state: string;
      readonly folder: CertificateFolder;
    },
  ) {
    this.port = ports.port;
    this.tlsPort = ports.tlsPort;
    this.#process = made.process;
    this.#state = made.state;
    this.folder = made.folder;
    this.client = new GatewayClient({
      socketPath: ports.controlSocket,
      applyTimeoutMs: boundMs,
      versionTimeoutMs: boundMs,
    });
    this.client.subscribe((sample) => this.samples.push(sample));
  }

  static async start(flags: readonly string[] = []): Promise<TlsGateway> {
    const state = await mkdtemp(join(tmpdir(), 'tidegate-tls-gateway-'));
    const folder = await CertificateFolder.make({ default: ['*.test.example'] });
    const listen = ['--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0'];
    const own = ['--state', state, ...listen, '--h2c', '--tls-folder', folder.path, ...flags];
    const child = spawn(gatewayProgram.nodePath, [gatewayProgram.entry, ...own], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the gateway has ended: ${log}`);
      return /serving TLS on/.test(log) && (await findGateway(state)) !== null;
    });
    const file = await findGateway(state);
    const tlsPort = Number(/serving TLS on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    if (file === null) throw new Error(`the gateway has ended: ${log}`);
    const gateway = new TlsGateway({ ...file, tlsPort }, { process: child, state, folder });
    await gateway.client.version(AbortSignal.timeout(boundMs));
    return gateway;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** One route for a host, under the next version. */
  async route(host: string, backends: readonly Backend[]): Promise<void> {
    this.#version += 1;
    const route = { service: 'svc', host, requestTimeoutMs: boundMs, backends, matches: [] };
    await this.client.apply(
      { version: this.#version, routes: [route] },
      AbortSignal.timeout(boundMs),
    );
  }

  /** Requests counted so far, by status class; samples come late, so those of a request may not be there yet. */
  counted(ofRevisionId?: string): readonly number[] {
    const totals = [0, 0, 0, 0, 0, 0];
    const counts: readonly InstanceCount[] = this.samples.flatMap((sample) => sample.counts);
    for (const { revisionId, byStatusClass } of counts) {
      if (ofRevisionId !== undefined && revisionId !== ofRevisionId) continue;
      for (const [index, ended] of byStatusClass.entries()) {
        totals[index] = (totals[index] ?? 0) + ended;
      }
    }
    return totals;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), 40_000);
      await once(this.#process, 'exit');
      clearTimeout(timer);
    }
    await rm(this.#state, { recursive: true, force: true });
    await this.folder[Symbol.asyncDispose]();
  }
}
