import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endMaster, missing, Processes } from '../gateway/programs.ts';
import { freePorts, projectFolder } from '../world.ts';
import { type Failures, SteadyLoad } from './steady-load.ts';

export type Peer = 'haproxy' | 'nginx';

/** How long after the reload the old instances are asked to stop, and how long is counted after that. */
const oldStayMs = 2_000;
const echoMs = 1_000;

/**
 * The same change by hand, as one does it with a proxy: three new instances, a configuration that names them, a reload, and the
 * old instances stopped some seconds later. Null: the program is not installed.
 */
export async function peerReload(peer: Peer, perSecond: number): Promise<Failures | null> {
  if ((await missing([peer, 'taskset'])).length > 0) return null;
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const processes = resources.use(new Processes('0-1'));
  const [port = 0, ...ports] = await freePorts(7);
  const [before, after] = [ports.slice(0, 3), ports.slice(3)];
  const pids = await startPages(processes, before, 'v1');
  const path = join(folder, `${peer}.conf`);
  const write = (to: readonly number[]): Promise<void> =>
    writeFile(path, configurations[peer]({ folder, port, to }));
  await write(before);
  const pid = await processes.start(0, [...starts[peer](path, folder)], port);
  // By itself a killed master leaves its workers behind.
  resources.defer(() => endMaster(pid));
  const load = resources.use(new SteadyLoad({ port, host: 'page.localhost', perSecond }));
  await sleep(2 * echoMs);
  const fromMs = Date.now();
  await startPages(processes, after, 'v2');
  await write(after);
  process.kill(pid, reloads[peer]);
  await sleep(oldStayMs);
  for (const each of pids) process.kill(each, 'SIGTERM');
  await sleep(oldStayMs + echoMs);
  const failures = load.failures(fromMs, Date.now());
  await load.stop();
  return failures;
}

async function startPages(
  processes: Processes,
  ports: readonly number[],
  version: string,
): Promise<readonly number[]> {
  const page = join(projectFolder, 'examples', 'strategies', 'page.js');
  const pids: number[] = [];
  for (const port of ports) {
    const argv = ['env', `PORT=${port}`, `VERSION=${version}`, process.execPath, page];
    pids.push(await processes.start(0, argv, port));
  }
  return pids;
}

const starts: Readonly<Record<Peer, (path: string, folder: string) => readonly string[]>> = {
  haproxy: (path) => ['haproxy', '-W', '-q', '-f', path],
  nginx: (path, folder) => ['nginx', '-c', path, '-p', folder, '-e', 'stderr'],
};

/** haproxy(1) in master-worker mode, and nginx(8). */
const reloads: Readonly<Record<Peer, NodeJS.Signals>> = { haproxy: 'SIGUSR2', nginx: 'SIGHUP' };

interface Configuration {
  readonly folder: string;
  readonly port: number;
  readonly to: readonly number[];
}

/** Each program's own defaults, with keep-alive to the instances. */
const configurations: Readonly<Record<Peer, (of: Configuration) => string>> = {
  haproxy: ({ port, to }) => `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend callers
  bind 127.0.0.1:${port}
  default_backend page
backend page
${to.map((each) => `  server s${each} 127.0.0.1:${each}`).join('\n')}
`,
  nginx: ({ folder, port, to }) => `daemon off;
pid ${folder}/nginx.pid;
worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream page {
${to.map((each) => `    server 127.0.0.1:${each};`).join('\n')}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://page;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`,
};
