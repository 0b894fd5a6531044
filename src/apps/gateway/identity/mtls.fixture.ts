import {
  createServer as createPlain,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { once } from 'node:events';
import { type Agent, createServer, request } from 'node:https';
import { request as requestPlain } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  clockOfTests as clock,
  eventually,
  StateFolder,
} from '../../../adapters/authority/authority.fixture.ts';
import { certificatesIn } from '../../../adapters/authority/authority-record.ts';
import {
  type CertifiedKey,
  makeSvid,
  type SvidWish,
} from '../../../adapters/authority/make-certificate.ts';
import { SvidKeeper } from '../../../adapters/authority/svid-keeper.ts';
import { normalSerial } from '../../../domain/identity/deny-list.ts';
import { type SpiffeId, spiffeIdOf } from '../../../domain/identity/spiffe-id.ts';
import type { Endpoint } from '../../../domain/traffic/routing/route-table.ts';
import type {
  MutualTls,
  TrafficPolicy,
} from '../../../domain/traffic/resilience/traffic-policy.ts';
import { usualCallerLimits } from '../caller-limits.ts';
import { Counters } from '../counters.ts';
import type { EngineKind } from '../engine-kind.ts';
import { FastEngine } from '../fast/fast-engine.ts';
import { boundMs } from '../gateway-fixture.ts';
import { type Engine, HttpEngine } from '../compat/http-engine.ts';
import { SecondOpinion } from '../http1/second-opinion.ts';
import { LiveRoutes } from '../live-routes.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { Certificates } from '../tls/certificates.ts';
import { GatewayIdentity } from './gateway-identity.ts';

export const trustDomain = 'shop.example';
export const idOf = (name: string): SpiffeId =>
  spiffeIdOf(trustDomain, { namespace: 'default', name });
export const serviceId = idOf('svc');
const hourMs = 3_600_000;
/** Long enough that no busy machine outlives it, short enough that time zones would be seen. */
export const validNow = (): SvidWish['validity'] => ({
  notBeforeMs: Date.now() - 60_000,
  notAfterMs: Date.now() + hourMs,
});

export interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly detail: string;
  readonly connection: string | undefined;
}

/** For tests: an engine in this process with an identity of its own authority, and instances that ask for it. */
export class MtlsFixture implements AsyncDisposable {
  readonly state: StateFolder;
  readonly keeper: SvidKeeper;
  readonly identity: GatewayIdentity;
  readonly routes = new LiveRoutes(new Counters(), [1, 2]);
  readonly #engine: Engine;
  readonly #certificates: Certificates;
  readonly #servers: Server[] = [];
  readonly #secureServers = new Map<Endpoint, ReturnType<typeof createServer>>();
  #renewals = 0;
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  port = 0;
  tlsPort = 0;

  static async start(kind: EngineKind = 'fast'): Promise<MtlsFixture> {
    const state = await StateFolder.make();
    await state.authority.init({ trustDomain, svidLifeMs: hourMs, given: null, nowMs: Date.now() });
    const log = (): void => {};
    const keeper = await SvidKeeper.open({ stateFolder: state.path, clock, log });
    await keeper.grantGateway(['svc.localhost']);
    const identity = await GatewayIdentity.open(join(state.path, 'identity', 'gateway'), log);
    const fixture = new MtlsFixture({ state, keeper, identity, kind });
    const address = { host: '127.0.0.1', port: 0 };
    fixture.port = (await fixture.#engine.listen(address)).port;
    return fixture;
  }

  private constructor({
    kind,
    ...parts
  }: Pick<MtlsFixture, 'state' | 'keeper' | 'identity'> & { readonly kind: EngineKind }) {
    this.state = parts.state;
    this.keeper = parts.keeper;
    this.identity = parts.identity;
    const { identity } = this;
    this.#certificates = new Certificates({
      folder: null,
      pairs: [],
      defaultName: null,
      log: () => {},
    });
    const address = { host: '127.0.0.1', port: 0 };
    const onListening = ({ port }: { readonly port: number }): void => {
      this.tlsPort = port;
    };
    const tls = { address, certificates: this.#certificates, onListening };
    const metrics = new GatewayMetrics();
    const shared = { metrics, identity, accessLog: null, callerLimits: usualCallerLimits };
    this.#engine =
      kind === 'fast'
        ? new FastEngine(
            this.routes,
            { ...shared, opinion: new SecondOpinion() },
            { isH2cTaken: false, tls },
          )
        : new HttpEngine(this.routes, shared);
    this.#renewing = this.keeper.run(this.#stop.signal);
  }

  get bundlePem(): string {
    return this.identity.own?.bundlePem ?? '';
  }

  /** A certificate of the fixture's own authority. */
  async issue(wish: Partial<SvidWish> = {}): Promise<CertifiedKey> {
    return issueBy(this.state, { id: idOf('caller'), ...wish });
  }

  /** Waits until the gateway knows it. */
  async revoke(certificate: string): Promise<void> {
    const [only] = certificatesIn(certificate);
    const serial = normalSerial(only?.serialNumber ?? '');
    const why = { reason: 'test', nowMs: Date.now() };
    await this.state.authority.revoke({ kind: 'serial', serial }, why);
    const { identity } = this;
    await eventually(
      async () => (identity.denied.serials.includes(serial) ? true : null),
      'denied',
    );
  }

  /** Has the gateway take another certificate. */
  async renewGateway(): Promise<void> {
    const before = this.identity.own;
    this.#renewals += 1;
    await this.keeper.grantGateway(['svc.localhost', `renewal-${this.#renewals}.example`]);
    await eventually(async () => (this.identity.own === before ? null : true), 'renewed');
  }

  route(
    mode: MutualTls['mode'] | 'off',
    endpoints: readonly Endpoint[],
    more: Pick<TrafficPolicy, 'authorization'> = {},
  ): void {
    const version = (this.routes.table?.version ?? 0) + 1;
    const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints }];
    const policy = { policy: { ...(mode === 'off' ? {} : { mtls: { mode } }), ...more } };
    const route = {
      service: 'svc',
      host: 'svc.localhost',
      requestTimeoutMs: boundMs,
      backends,
      matches: [],
    };
    this.routes.apply({ version, routes: [{ ...route, ...policy }] });
    this.#engine.routesChanged();
  }

  /** Without TLS. */
  async plainInstance(): Promise<Endpoint> {
    return this.#listen(createPlain(answerOk), {});
  }

  /** One that wants to see the gateway's certificate. */
  async instance(shown: CertifiedKey): Promise<Endpoint> {
    const server = createServer({
      cert: shown.certificatePem,
      key: shown.keyPem,
      ca: this.bundlePem,
      requestCert: true,
      rejectUnauthorized: true,
      keepAliveTimeout: 30_000,
    });
    server.on('request', answerOk);
    server.on('tlsClientError', () => {});
    const endpoint = await this.#listen(server, { appProtocol: 'https', identity: serviceId.text });
    this.#secureServers.set(endpoint, server);
    return endpoint;
  }

  /** New connections are shown this one. */
  renewInstance(endpoint: Endpoint, shown: CertifiedKey): void {
    const { certificatePem: cert, keyPem: key } = shown;
    this.#secureServers.get(endpoint)?.setSecureContext({ cert, key, ca: this.bundlePem });
  }

  async plain(more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const sent = { ...headers, ...more };
    const where = { port: this.port, host: '127.0.0.1' };
    return answerTo(requestPlain({ ...where, headers: sent, agent: false }));
  }

  async secure(shown: CertifiedKey | null, agent: Agent | false = false): Promise<Answer> {
    return answerTo(
      request({
        port: this.tlsPort,
        host: '127.0.0.1',
        servername: 'svc.localhost',
        headers,
        agent,
        ca: this.bundlePem,
        ...(shown === null ? {} : { cert: shown.certificatePem, key: shown.keyPem }),
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    await this.#engine.drain(0);
    this.identity[Symbol.dispose]();
    this.#certificates[Symbol.dispose]();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await this.state[Symbol.asyncDispose]();
  }

  async #listen(server: Server, more: Partial<Endpoint>): Promise<Endpoint> {
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { instanceId: `i-${port}`, host: '127.0.0.1', port, ...more };
  }
}

/** By the newest authority of a state folder, whatever the wish is. */
export async function issueBy(
  { authority }: StateFolder,
  wish: Partial<SvidWish> & Pick<SvidWish, 'id'>,
): Promise<CertifiedKey> {
  const newest = (await authority.read()).at(-1);
  if (newest === undefined) throw new Error('there is no authority');
  const signer = { certificatePem: newest.chainPem, key: await authority.keyOf(newest) };
  return makeSvid(signer, { dnsNames: [], validity: validNow(), ...wish });
}

const headers = { host: 'svc.localhost' };

/** Says who the gateway is, as its certificate has it. */
const answerOk: RequestListener = (incoming, response) => {
  const { socket } = incoming;
  const peer =
    'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerX509Certificate() : null;
  response.end(JSON.stringify({ detail: peer?.subjectAltName ?? 'without TLS' }));
};

async function answerTo(outgoing: ReturnType<typeof request>): Promise<Answer> {
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  const reason = response.headers['x-tidegate-reason'];
  return {
    status: response.statusCode ?? 0,
    reason: typeof reason === 'string' ? reason : undefined,
    detail: (JSON.parse(text) as { readonly detail: string }).detail,
    connection: response.headers.connection,
  };
}
