import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../src/apps/gateway/gateway-fixture.ts';

/** A loopback address of this process alone, so that nobody else can have taken the port. */
const host = `127.${128 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
const port = 26_379;

/** For tests: a redis-server of Debian's in a folder of its own, that can be killed and started again. */
export class RedisFixture implements AsyncDisposable {
  readonly url = `redis://${host}:${port}/0`;
  readonly folder: string;
  /** With the URL, as `--redis-url-file` wants it. */
  readonly urlFile: string;
  #server: ChildProcess | null = null;

  private constructor(folder: string) {
    this.folder = folder;
    this.urlFile = join(folder, 'url');
  }

  static async start(): Promise<RedisFixture> {
    const fixture = new RedisFixture(await mkdtemp(join(tmpdir(), 'tidegate-redis-')));
    await writeFile(fixture.urlFile, `${fixture.url}\n`, { mode: 0o600 });
    await fixture.startAgain();
    return fixture;
  }

  async startAgain(): Promise<void> {
    const server = spawn(
      'redis-server',
      [
        '--bind',
        host,
        '--port',
        String(port),
        '--dir',
        this.folder,
        '--save',
        '',
        '--daemonize',
        'no',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.#server = server;
    await until(() => {
      if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`);
      return isListening();
    });
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null || server.exitCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function isListening(): Promise<boolean> {
  const socket = connect(port, host);
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
