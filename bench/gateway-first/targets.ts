import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import { freePorts, projectFolder, waitFor } from '../world.ts';

/** Something on a port that leads to the backend, and the process whose CPU it costs. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

export const hostName = 'bench.localhost';
/** Debian puts servers where only root's PATH leads. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };

/** The backend itself, our gateway, the plain proxy, and nginx where it is installed: all one process each. */
export class Targets implements AsyncDisposable {
  readonly all: Target[] = [];
  readonly #children: ChildProcess[] = [];
  #folder = '';

  static async start(signal: AbortSignal): Promise<Targets> {
    const targets = new Targets();
    try {
      await targets.#startAll(signal);
      return targets;
    } catch (error) {
      await targets[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #startAll(signal: AbortSignal): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
    const backend = await this.#startScript('direct', 'backend.js');
    await this.#startGateway(backend.port, signal);
    await this.#startScript('node:http proxy', 'plain-proxy.js', String(backend.port));
    if (await isInstalled('nginx')) await this.#startNginx(backend.port);
  }

  async #startScript(name: string, script: string, ...argv: readonly string[]): Promise<Target> {
    const path = join(import.meta.dirname, script);
    const child = this.#spawn(process.execPath, [path, ...argv]);
    if (child.stdout === null) throw new Error(`${script} has no standard output`);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return this.#add(name, Number(line), child);
  }

  async #startGateway(backendPort: number, signal: AbortSignal): Promise<void> {
    const [port = 0] = await freePorts(1);
    const entry = join(projectFolder, 'src', 'apps', 'gateway', 'main.ts');
    const argv = [entry, '--state', this.#folder, '--listen', `127.0.0.1:${port}`];
    const child = this.#spawn(process.execPath, argv);
    await waitFor('the gateway', () => isListening(port), 10_000);
    await using client = new GatewayClient({
      socketPath: join(this.#folder, controlSocketName),
    });
    const endpoints = [{ instanceId: 'backend-1', host: '127.0.0.1', port: backendPort }];
    const backends = [{ revisionId: 'backend', weightPercent: 100, endpoints }];
    const route = { service: 'bench', host: hostName, requestTimeoutMs: 5_000, backends };
    await client.apply({ version: 1, routes: [{ ...route, matches: [] }] }, signal);
    this.#add('tidegate gateway', port, child);
  }

  async #startNginx(backendPort: number): Promise<void> {
    const [port = 0] = await freePorts(1);
    const path = join(this.#folder, 'nginx.conf');
    await writeFile(path, nginxConfiguration(this.#folder, { port, backendPort }));
    const child = this.#spawn('nginx', ['-c', path, '-p', this.#folder, '-e', 'stderr']);
    await waitFor('nginx', () => isListening(port), 5_000);
    this.#add('nginx, 1 worker', port, child);
  }

  #spawn(program: string, argv: readonly string[]): ChildProcess {
    const child = spawn(program, [...argv], { stdio: ['ignore', 'pipe', 'inherit'], env });
    this.#children.push(child);
    return child;
  }

  #add(name: string, port: number, child: ChildProcess): Target {
    const target = { name, port, pid: child.pid ?? 0 };
    this.all.push(target);
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Nothing but passing on, with connections kept on both sides; in one process, so that its CPU is read at one place. */
function nginxConfiguration(
  folder: string,
  { port, backendPort }: { readonly port: number; readonly backendPort: number },
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'daemon off; master_process off; worker_processes 1;',
    `pid ${folder}/nginx.pid;`,
    'error_log stderr crit;',
    'events { worker_connections 512; }',
    'http {',
    '  access_log off; keepalive_requests 1000000000;',
    ...temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`),
    `  upstream backend { server 127.0.0.1:${backendPort}; keepalive 64; keepalive_requests 1000000000; }`,
    '  server {',
    `    listen 127.0.0.1:${port};`,
    '    location / {',
    '      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";',
    '      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;',
    '    }',
    '  }',
    '}',
    '',
  ].join('\n');
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    await promisify(execFile)(program, ['-v'], { env });
    return true;
  } catch {
    // Not there: its row is left out, and the result says null.
    return false;
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not yet; the caller asks again until its time is over.
    return false;
  } finally {
    socket.destroy();
  }
}
