/**
 * A PostgreSQL of Debian's packages in a temporary folder, ended by its pid.
 *
 * It is reached by a Unix socket in that folder, which nobody else can take. With `tcp` it listens on 127.0.0.1 too, on a port that
 * was free: when another process was quicker it ends at once, and another port is tried.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import type { PostgresAddress } from '../../src/adapters/postgres/postgres-url.ts';

const programs = newestPrograms('/usr/lib/postgresql');

/** For node:test: why nothing can be kept in PostgreSQL, of Debian's package postgresql; or false. */
export const withoutPostgres = programs === null ? 'not installed: postgresql' : false;

/** PostgreSQL refuses to run as root; `nobody` is there on every Linux. */
const nobody = 65_534;
const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

const user = 'tidegate';
const portTries = 20;
const readyBoundMs = 120_000;

export interface PostgresWish {
  /** Listens on 127.0.0.1, with a password. */
  readonly tcp?: boolean;
  /** Does not wait for the disk: for tests that stop nothing. */
  readonly isHasty?: boolean;
  /** Further settings, as `ssl=on`. */
  readonly settings?: readonly string[];
}

export class Postgres implements AsyncDisposable {
  readonly folder: string;
  readonly password: string;
  readonly #wish: PostgresWish;
  #process: ChildProcess | null = null;
  #port = 5432;
  #databases = 0;

  /** `prepare` is called with the folder of the data before the first start. */
  static async start(
    wish: PostgresWish = {},
    prepare: (dataFolder: string) => Promise<void> = async () => {},
  ): Promise<Postgres> {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-pg-'));
    const postgres = new Postgres(folder, wish);
    try {
      if (as.uid !== undefined) await chown(folder, nobody, nobody);
      await postgres.#initialise();
      await prepare(postgres.#data);
      await postgres.start();
      return postgres;
    } catch (error) {
      await postgres[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(folder: string, wish: PostgresWish) {
    this.folder = folder;
    this.password = randomBytes(12).toString('hex');
    this.#wish = wish;
  }

  get port(): number {
    return this.#port;
  }

  get socketPath(): string {
    return join(this.folder, `.s.PGSQL.${this.#port}`);
  }

  get #data(): string {
    return join(this.folder, 'data');
  }

  /** Starts it, again or for the first time, and waits until it answers. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.#wish.tcp === true && tries > 1) this.#port = await freePort();
      if (this.#wish.tcp === true && this.#port === 5432) this.#port = await freePort();
      const problem = await this.#tryToStart();
      if (problem === null) return;
      if (tries === portTries || !/could not (bind|create any TCP)/.test(problem)) {
        throw new Error(`PostgreSQL does not start: ${problem}`);
      }
    }
  }

  /** As `pg_ctl stop -m immediate`: SIGQUIT, no farewell to anybody, recovery at the next start. */
  async stopImmediately(): Promise<void> {
    await this.#stop('SIGQUIT');
  }

  async stop(): Promise<void> {
    await this.#stop('SIGINT');
  }

  /** A new, empty database; the URL goes through the Unix socket. */
  async newDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `ledger_${this.#databases}`;
    await this.sql('postgres', `CREATE DATABASE ${name}`);
    return this.urlOf(name);
  }

  urlOf(database: string): string {
    const host = encodeURIComponent(this.folder);
    return `postgres://${user}@${host}:${this.#port}/${database}`;
  }

  addressOf(database: string): PostgresAddress {
    return parsePostgresUrl(this.urlOf(database));
  }

  /** The same database by TCP, with the password. */
  tcpUrlOf(url: string, more = ''): string {
    const database = url.slice(url.lastIndexOf('/') + 1);
    return `postgres://${user}:${this.password}@127.0.0.1:${this.#port}/${database}${more}`;
  }

  /** What an administrator does by hand, as superuser. */
  async sql(database: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new Client({ host: this.folder, port: this.#port, user, database });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async log(): Promise<string> {
    return readFile(join(this.folder, 'log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop('SIGQUIT');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #initialise(): Promise<void> {
    const passwordFile = join(this.folder, 'password');
    await writeFile(passwordFile, `${this.password}\n`);
    const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`];
    const argv = ['-D', this.#data, '-U', user, ...auth, '-E', 'UTF8', '--no-locale', '--no-sync'];
    const made = spawnSync(join(programs ?? '', 'initdb'), argv, {
      ...as,
      cwd: this.folder,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`initdb fails: ${made.stderr}`);
  }

  /** Null: it answers; else what its log says. */
  async #tryToStart(): Promise<string | null> {
    const settings = [
      `listen_addresses=${this.#wish.tcp === true ? '127.0.0.1' : ''}`,
      `unix_socket_directories=${this.folder}`,
      `fsync=${this.#wish.isHasty === true ? 'off' : 'on'}`,
      'shared_buffers=64MB',
      'max_connections=60',
      ...(this.#wish.settings ?? []),
    ];
    const argv = [
      '-D',
      this.#data,
      '-p',
      `${this.#port}`,
      ...settings.flatMap((each) => ['-c', each]),
    ];
    const child = spawn(join(programs ?? '', 'postgres'), argv, {
      ...as,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
    });
    this.#process = child;
    // A test that ends by an exception leaves nothing running either.
    const end = (): boolean => child.kill('SIGQUIT');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const endMs = performance.now() + readyBoundMs;
    while (performance.now() < endMs) {
      if (child.exitCode !== null || child.signalCode !== null) return said;
      // The file is there once it listens; a connection may still be refused while it recovers.
      if (existsSync(this.socketPath) && (await this.#answers())) {
        return null;
      }
      await sleep(20);
    }
    return `it does not answer: ${said}`;
  }

  async #answers(): Promise<boolean> {
    try {
      await this.sql('postgres', 'SELECT 1');
      return true;
    } catch {
      // Not yet; the caller looks again.
      return false;
    }
  }

  async #stop(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

function newestPrograms(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const versions = readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
  const found = versions.map((version) => join(folder, version, 'bin'));
  return found.find((path) => existsSync(join(path, 'initdb'))) ?? null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
