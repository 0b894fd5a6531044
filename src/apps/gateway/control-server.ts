import { chmod, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  type FromGateway,
  lineBytesMax,
  parseToGateway,
  type ToGateway,
  type UnderWayReading,
  type WorkersReading,
} from '../../adapters/gateway/control-message.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { LineSplitter } from '../../adapters/gateway/line-splitter.ts';
import { type Counter, type Counters, Reported } from './counters.ts';
import { ReportPace } from './report-pace.ts';

export interface ControlServerOptions {
  readonly epoch: string;
  readonly counters: Counters;
  /** Requests that instances have now. */
  readonly underWay: () => readonly UnderWayReading[];
  readonly version: () => number | null;
  /** Null: there are none. */
  readonly workers: () => WorkersReading | null;
  /** Resolves with the version in force, or with the reason why the table is refused. */
  readonly apply: (table: RouteTable) => Promise<number | { readonly refused: string }>;
  /** Resolves when no request to the revision is under way, or after a bound. */
  readonly drain: (revisionId: string) => Promise<void>;
}

const connectionsMax = 16;
/** A listener that has this much unread is cut off; it comes back and catches up. */
const unreadBytesMax = 16 * 1024 * 1024;

/** The gateway's end of the control socket; see control-message.ts for what is said on it. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #listeners = new Map<Socket, Reported>();
  /** What was told last to whoever listened: where a new listener starts. */
  #lastReported = new Reported();
  #timer: NodeJS.Timeout | null = null;
  readonly #pace = new ReportPace();
  /** What was told last of requests under way, as text. */
  #underWayText = '[]';

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#welcome(socket));
    this.#server.maxConnections = connectionsMax;
  }

  /** Only the owner may connect. Resolves to 'taken' when another gateway answers on this socket. */
  async listen(path: string): Promise<'listening' | 'taken'> {
    if (await isAnswered(path)) return 'taken';
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    const umask = process.umask(0o177);
    this.#server.listen(path, () => resolve());
    process.umask(umask);
    await promise;
    await chmod(path, 0o600);
    this.#reportLater();
    return 'listening';
  }

  /** To be called when a table with a split has come into force. */
  reportQuickly(): void {
    this.#pace.quicken();
    if (this.#timer !== null) this.#reportLater();
  }

  /** To be called when one has come or gone. */
  workersChanged(): void {
    const workers = this.#options.workers();
    if (workers === null) return;
    for (const socket of this.#listeners.keys()) send(socket, { type: 'workers', workers });
  }

  /** Tells every listener what has changed. */
  report(): void {
    const underWay = this.#options.underWay();
    const text = JSON.stringify(underWay);
    const isMoved = text !== this.#underWayText;
    this.#underWayText = text;
    for (const [socket, reported] of this.#listeners) {
      const counters = reported.news(this.#options.counters.all());
      if (counters.length > 0 || isMoved) {
        const news = isMoved ? { counters, underWay } : { counters };
        send(socket, { type: 'samples', atMs: Date.now(), ...news });
      }
      this.#lastReported = reported;
      if (socket.writableLength > unreadBytesMax) socket.destroy();
    }
  }

  #reportLater(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.report();
      this.#reportLater();
    }, this.#pace.delayMs());
  }

  /** Drops what is known of these counters. */
  forget(counters: readonly Counter[]): void {
    this.#lastReported.forget(counters);
    for (const reported of this.#listeners.values()) reported.forget(counters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.report();
    for (const socket of this.#listeners.keys()) socket.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #welcome(socket: Socket): void {
    const { epoch, counters, version } = this.#options;
    const reported = new Reported(this.#lastReported);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#listeners.delete(socket));
    const workers = this.#options.workers();
    send(socket, {
      type: 'hello',
      epoch,
      version: version(),
      counters: reported.readings(),
      ...(workers === null ? {} : { workers }),
    });
    const missed = reported.news(counters.all());
    const underWay = this.#options.underWay();
    send(socket, { type: 'samples', atMs: Date.now(), counters: missed, underWay });
    this.#lastReported = reported;
    this.#listeners.set(socket, reported);
    const splitter = new LineSplitter(lineBytesMax);
    socket.on('data', (chunk: Buffer) => {
      const lines = splitter.push(chunk);
      if (lines === 'too-long') {
        socket.destroy();
        return;
      }
      for (const line of lines) if (!this.#hear(socket, line)) return;
    });
  }

  /** False: the line makes no sense, and the connection is cut. */
  #hear(socket: Socket, line: string): boolean {
    const parsed = parseToGateway(line);
    if (parsed.kind === 'malformed') {
      socket.end(`${JSON.stringify({ type: 'refused', version: 0, reason: parsed.reason })}\n`);
      // What else comes is read away, so that the reason arrives before the end.
      socket.removeAllListeners('data');
      socket.resume();
      return false;
    }
    void this.#answer(socket, parsed.message);
    return true;
  }

  async #answer(socket: Socket, message: ToGateway): Promise<void> {
    if (message.type === 'drain') {
      const { revisionId } = message;
      await this.#options.drain(revisionId);
      send(socket, { type: 'drained', revisionId });
      return;
    }
    const { version } = message.table;
    const outcome = await this.#options.apply(message.table);
    send(
      socket,
      typeof outcome === 'number'
        ? { type: 'applied', version: outcome }
        : { type: 'refused', version, reason: outcome.refused },
    );
  }
}

function send(socket: Socket, message: FromGateway): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Whether a live process listens on a Unix socket; a file left by a dead one refuses. */
function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.on('connect', () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
