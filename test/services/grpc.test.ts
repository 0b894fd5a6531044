import assert from 'node:assert/strict';
import { execFile, type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../src/apps/gateway/gateway-fixture.ts';
import { type Endpoint, h2c } from '../../src/domain/traffic/routing/route-table.ts';
import { TlsGateway } from './tls-gateway.fixture.ts';

const run = promisify(execFile);
/** Debian's, which has the package python3-grpcio; another one may come first on the path. */
const python = '/usr/bin/python3';
const hasGrpc = spawnSync(python, ['-c', 'import grpc']).status === 0;
const skip = hasGrpc ? false : 'python3-grpcio is not installed';
const host = 'grpc.test.example';

function script(name: string): string {
  return fileURLToPath(new URL(`${name}.fixture.py`, import.meta.url));
}

class GrpcServer implements AsyncDisposable {
  readonly endpoint: Endpoint;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, endpoint: Endpoint) {
    this.#process = child;
    this.endpoint = endpoint;
  }

  static async start(name: string): Promise<GrpcServer> {
    const child = spawn(python, [script('grpc-server'), name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(line.toString().trim());
    return new GrpcServer(child, { instanceId: name, host: '127.0.0.1', port, appProtocol: h2c });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

interface Told {
  readonly calls: number;
  readonly messages: number;
  readonly servers: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

async function call(args: readonly string[]): Promise<Told> {
  const { stdout } = await run(python, [script('grpc-client'), ...args], { timeout: 300_000 });
  return JSON.parse(stdout) as Told;
}

test(
  'calls of gRPC and their messages are neither lost nor mixed while weights move',
  { skip },
  async () => {
    await using gateway = await TlsGateway.start();
    await using stable = await GrpcServer.start('stable');
    await using candidate = await GrpcServer.start('candidate');
    const backend = (server: GrpcServer, revisionId: string, weightPercent: number) => ({
      revisionId,
      weightPercent,
      endpoints: [server.endpoint],
    });
    const weigh = (percent: number): Promise<void> =>
      gateway.route(host, [
        backend(stable, 'r1', 100 - percent),
        backend(candidate, 'r2', percent),
      ]);
    await weigh(50);
    const certificate = join(gateway.folder.path, 'authority.pem');
    await writeFile(certificate, gateway.folder.authority.pem);
    const ended = new AbortController();
    const clients = Promise.all([
      call([`127.0.0.1:${gateway.port}`, host, '4']),
      call([`127.0.0.1:${gateway.tlsPort}`, host, '4', certificate]),
    ]).finally(() => ended.abort());
    let changes = 0;
    while (!ended.signal.aborted) {
      changes += 1;
      await weigh((changes * 30) % 101);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const told = await clients;
    for (const { faults, calls, messages, servers } of told) {
      assert.deepEqual(faults, []);
      assert.ok(calls > 20 && messages > calls, `${calls} calls, ${messages} messages`);
      assert.deepEqual(Object.keys(servers).toSorted(), ['candidate', 'stable']);
    }
    assert.ok(changes > 10, `${changes} changes`);
    const calls = told.reduce((sum, each) => sum + each.calls, 0);
    await until(() => gateway.counted()[1] === calls);
    assert.deepEqual(gateway.counted(), [0, calls, 0, 0, 0, 0]);
  },
);

test(
  'how a call ends is told to its caller as it is, and counted by whose fault it is',
  { skip },
  async () => {
    await using gateway = await TlsGateway.start();
    await using server = await GrpcServer.start('only');
    await gateway.route(host, [
      { revisionId: 'r1', weightPercent: 100, endpoints: [server.endpoint] },
    ]);
    const codes = [
      'INVALID_ARGUMENT',
      'NOT_FOUND',
      'INTERNAL',
      'UNAVAILABLE',
      'DATA_LOSS',
      'UNKNOWN',
    ];
    const target = `127.0.0.1:${gateway.port}`;
    const seen: unknown = await call([target, host, 'status', ...codes]);
    assert.deepEqual(seen, Object.fromEntries(codes.map((code) => [code, code])));
    await until(() => gateway.counted().join() === '0,0,0,2,4,0');
    await server[Symbol.asyncDispose]();
    assert.deepEqual(await call([target, host, 'status', 'OK']), { OK: 'UNAVAILABLE' });
    assert.deepEqual(await call([target, 'none.test.example', 'status', 'OK']), {
      OK: 'UNIMPLEMENTED',
    });
  },
);
