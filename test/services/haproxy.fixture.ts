import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { until } from '../../src/apps/gateway/gateway-fixture.ts';
import { freePort } from '../e2e/free-port.fixture.ts';

const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
const program = folders.map((folder) => join(folder, 'haproxy')).find((path) => existsSync(path));

/** For node:test: why nothing can be shown to HAProxy, of Debian's package haproxy; or false. */
export const withoutHaproxy = program === undefined ? 'not installed: haproxy' : false;

/** HAProxy before one instance, with limits that are wider than ours: what it refuses, it refuses for its form. */
export class Haproxy implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  static async start(instancePort: number): Promise<Haproxy> {
    if (program === undefined) throw new Error('haproxy is not installed');
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, configuration(port, instancePort));
    const haproxy = new Haproxy(
      port,
      spawn(program, ['-db', '-f', file], { stdio: 'ignore' }),
      folder,
    );
    await until(() => isListening(port));
    return haproxy;
  }

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.port = port;
    this.#process = process;
    this.#folder = folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration(listenPort: number, instancePort: number): string {
  return `global
  tune.bufsize 65536
  tune.http.maxhdr 200
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${listenPort}
  default_backend out
backend out
  server one 127.0.0.1:${instancePort}
`;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not yet.
    return false;
  } finally {
    socket.destroy();
  }
}
