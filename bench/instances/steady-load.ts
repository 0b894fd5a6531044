import { connect } from 'node:net';
import { type LoadProcess, startLoadProcess } from '../../src/adapters/load/load-process.ts';

/** Requests that failed within a time, by how they came. */
export interface Failures {
  readonly keepAlive: number;
  readonly newConnections: number;
}

/**
 * Steady requests of both kinds, from this machine, until disposed: half of them over connections that are kept (an open-loop
 * generator in a process of its own), half over a connection each, which the server closes after its answer.
 */
export class SteadyLoad implements AsyncDisposable {
  readonly #keepAlive: LoadProcess;
  readonly #port: number;
  readonly #host: string;
  readonly #timer: NodeJS.Timeout;
  readonly #failedAtMs: number[] = [];
  readonly #perSecond: number;
  readonly #startedMs = performance.now();
  #sent = 0;
  #open = 0;

  constructor(to: { readonly port: number; readonly host: string; readonly perSecond: number }) {
    this.#port = to.port;
    this.#host = to.host;
    this.#perSecond = to.perSecond / 2;
    this.#keepAlive = startLoadProcess({
      url: `http://127.0.0.1:${to.port}/`,
      headers: { host: to.host },
      targetRps: to.perSecond / 2,
      durationMs: null,
      connections: 32,
      timeoutMs: 30_000,
    });
    this.#timer = setInterval(() => this.#send(), tickMs);
  }

  /** Requests that were sent over a connection each. */
  get newConnectionCount(): number {
    return this.#sent;
  }

  failures(fromMs: number, toMs: number): Failures {
    return {
      keepAlive: this.#keepAlive.failuresBetween(fromMs, toMs),
      newConnections: this.#failedAtMs.filter((atMs) => atMs >= fromMs && atMs < toMs).length,
    };
  }

  /** Ends both kinds; how many requests there were in all. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    const { requests } = await this.#keepAlive.stop();
    return requests + this.#sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#keepAlive[Symbol.asyncDispose]();
  }

  #send(): void {
    const due = ((performance.now() - this.#startedMs) / 1000) * this.#perSecond;
    // Bounded: who does not answer gets no more than this at a time.
    while (this.#sent < due && this.#open < openMax) {
      this.#sent += 1;
      this.#open += 1;
      askOnce(this.#port, this.#host, (isAnswered) => {
        this.#open -= 1;
        if (!isAnswered) this.#failedAtMs.push(Date.now());
      });
    }
  }
}

const tickMs = 4;
const openMax = 2_000;
const timeoutMs = 30_000;

/** One request over a connection of its own; `ended` is called once. */
function askOnce(port: number, host: string, ended: (isAnswered: boolean) => void): void {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').setTimeout(timeoutMs, () => socket.destroy());
  socket.on('data', (part: string) => (text += part));
  // What it is told by 'close' as well.
  socket.on('error', () => {});
  socket.on('close', () => ended(isWhole(text)));
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

/** A 200 whose body ends as it should: every answer of the page ends with a brace and a line feed, or a last chunk. */
function isWhole(text: string): boolean {
  return text.startsWith('HTTP/1.1 200') && /\}\n(?:\r\n0\r\n\r\n)?$/.test(text);
}
