import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { request } from 'undici';
import { SvidKeeper } from '../../src/adapters/authority/svid-keeper.ts';
import { svidFiles } from '../../src/adapters/authority/svid-folder.ts';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { TestAuthority } from '../../src/apps/gateway/tls/certificate.fixture.ts';
import type { Endpoint } from '../../src/domain/traffic/routing/route-table.ts';
import { hostName, nginx } from '../gateway/configurations.ts';
import { loadCore, type Processes, proxyCore } from '../gateway/programs.ts';
import { freePorts, waitFor } from '../world.ts';
import type { BoundaryPlace } from './place.ts';

/** What is asked, and whose CPU is read. */
export interface Terminator {
  readonly pid: number;
  readonly port: number;
  readonly tlsPort: number;
}

interface Pair {
  readonly own: Terminator;
  readonly peer: Terminator;
}

const instanceService = 'bench';

/** Two of ours and two of HAProxy's: with TLS from callers and plain instances, and the other way round with mutual TLS. */
export async function openTlsPlace(
  place: BoundaryPlace,
  processes: Processes,
  signal: AbortSignal,
): Promise<{ readonly front: Pair; readonly mutual: Pair }> {
  const { folder } = place;
  const state = join(folder, 'gateway-mutual');
  await mkdir(state, { mode: 0o700 });
  const identity = await makeIdentities(state);
  const callers = await makeCertificate(folder);
  const instance = await startInstance(folder, processes, identity);
  const starting = { place, processes, callers, signal };
  const plain: Endpoint = { instanceId: 'plain', host: '127.0.0.1', port: instance.port };
  const secure: Endpoint = {
    instanceId: 'secure',
    host: '127.0.0.1',
    port: instance.tlsPort,
    appProtocol: 'https',
    identity: identity.instanceId,
  };
  const frontState = join(folder, 'gateway-front');
  await mkdir(frontState, { mode: 0o700 });
  return {
    front: {
      own: await startGateway(starting, frontState, plain),
      peer: await startHaproxy(starting, 'front', `server s 127.0.0.1:${instance.port}`),
    },
    mutual: {
      own: await startGateway(starting, state, secure),
      peer: await startHaproxy(
        starting,
        'mutual',
        `server s 127.0.0.1:${instance.tlsPort} ssl crt ${identity.gatewayPem} ca-file ${identity.bundle} verify required`,
      ),
    },
  };
}

interface Identities {
  /** Of the gateway: certificate and key in one file, as HAProxy wants them. */
  readonly gatewayPem: string;
  readonly bundle: string;
  readonly instanceId: string;
  readonly certificate: string;
  readonly key: string;
}

async function makeIdentities(stateFolder: string): Promise<Identities> {
  const keeper = await SvidKeeper.open({ stateFolder, clock: new SystemClock(), log: () => {} });
  const variables = await keeper.grant({ instanceId: 'bench-1', service: instanceService });
  await keeper.grantGateway([hostName]);
  const certificate = variables['TIDEGATE_SVID'] ?? '';
  const own = join(stateFolder, 'identity', 'gateway', 'current');
  const files = [svidFiles.certificate, svidFiles.key];
  const texts = await Promise.all(files.map((file) => readFile(join(own, file), 'utf8')));
  const gatewayPem = join(stateFolder, 'haproxy.pem');
  await writeFile(gatewayPem, texts.join(''), { mode: 0o600 });
  return {
    gatewayPem,
    bundle: variables['TIDEGATE_TRUST_BUNDLE'] ?? '',
    instanceId: keeper.idOf(instanceService),
    certificate,
    key: join(dirname(certificate), svidFiles.key),
  };
}

interface CallersCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly both: string;
}

/** What callers are shown, by both: ECDSA on P-256. */
async function makeCertificate(folder: string): Promise<CallersCertificate> {
  const { certificate, key } = await (await TestAuthority.make()).issue([hostName]);
  const files = {
    certificate: join(folder, 'default.crt'),
    key: join(folder, 'default.key'),
    both: join(folder, 'default.pem'),
  };
  await writeFile(files.certificate, certificate);
  await writeFile(files.key, key, { mode: 0o600 });
  await writeFile(files.both, `${certificate}\n${key}\n`, { mode: 0o600 });
  return files;
}

/** Answers at once, in plaintext and to whom the authority has given a certificate. */
async function startInstance(
  folder: string,
  processes: Processes,
  { certificate, key, bundle }: Identities,
): Promise<Pick<Terminator, 'port' | 'tlsPort'>> {
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const path = join(folder, 'tls-instance.conf');
  const answer = "    default_type text/plain; location / { return 200 'ok'; }";
  const lines = [
    `  server { listen 127.0.0.1:${port};`,
    `${answer} }`,
    `  server { listen 127.0.0.1:${tlsPort} ssl;`,
    `    ssl_certificate ${certificate}; ssl_certificate_key ${key};`,
    `    ssl_client_certificate ${bundle}; ssl_verify_client on;`,
    // One cipher, whoever asks.
    '    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;',
    `${answer} }`,
  ];
  await writeFile(path, nginx(folder, 'tls-instance', lines));
  const argv = ['nginx', '-c', path, '-p', folder, '-e', 'stderr'];
  await processes.start(loadCore, argv, port);
  return { port, tlsPort };
}

interface Starting {
  readonly place: BoundaryPlace;
  readonly processes: Processes;
  readonly callers: CallersCertificate;
  readonly signal: AbortSignal;
}

async function startGateway(
  { place, processes, callers, signal }: Starting,
  state: string,
  endpoint: Endpoint,
): Promise<Terminator> {
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const argv = [process.execPath, place.entry, '--state', state, '--engine', 'fast'];
  const listen = ['--listen', `127.0.0.1:${port}`, '--tls-listen', `127.0.0.1:${tlsPort}`];
  const pair = ['--tls-cert', callers.certificate, '--tls-key', callers.key];
  const pid = await processes.start(proxyCore, [...argv, ...listen, ...pair], port);
  await using client = new GatewayClient({ socketPath: join(state, controlSocketName) });
  const isSecure = endpoint.identity !== undefined;
  const route = {
    service: instanceService,
    host: hostName,
    requestTimeoutMs: 10_000,
    backends: [{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }],
    matches: [],
    ...(isSecure ? { policy: { mtls: { mode: 'permissive' } as const } } : {}),
  };
  await client.apply({ version: 1, routes: [route] }, signal);
  await untilServed(port);
  return { pid, port, tlsPort };
}

async function startHaproxy(
  { place, processes, callers }: Starting,
  name: string,
  server: string,
): Promise<Terminator> {
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const path = join(place.folder, `haproxy-${name}.cfg`);
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 2000',
    'defaults',
    '  mode http',
    '  timeout connect 3s',
    '  timeout client 75s',
    '  timeout server 75s',
    '  http-reuse always',
    'frontend in',
    `  bind 127.0.0.1:${port}`,
    `  bind 127.0.0.1:${tlsPort} ssl crt ${callers.both} alpn http/1.1`,
    '  default_backend instance',
    'backend instance',
    `  ${server}`,
    '',
  ];
  await writeFile(path, lines.join('\n'));
  await chmod(path, 0o600);
  const pid = await processes.start(proxyCore, ['haproxy', '-db', '-f', path], port);
  await untilServed(port);
  return { pid, port, tlsPort };
}

/** A first request goes the whole way. */
async function untilServed(port: number): Promise<void> {
  await waitFor(
    `an answer on port ${port}`,
    async () => {
      const url = `http://127.0.0.1:${port}/`;
      const { statusCode, body } = await request(url, { headers: { host: hostName } });
      await body.dump();
      return statusCode === 200;
    },
    30_000,
  );
}
