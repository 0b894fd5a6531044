import { connect, type Socket } from 'node:net';
import {
  type FromGateway,
  lineBytesMax,
  parseFromGateway,
  type ToGateway,
} from './control-message.ts';
import { LineSplitter } from './line-splitter.ts';

export interface LinkEvents {
  readonly onMessage: (message: FromGateway) => void;
  /** The link was up (its hello had come) and is not any more. */
  readonly onDown: () => void;
}

/** The n-th wait between attempts is jittered in [0.5, 1] of this, so that restarts are found within a second. */
const firstRetryMs = 10;
const lastRetryMs = 500;

/** The connection to a gateway's control socket: kept up for as long as this object lives. */
export class GatewayLink implements Disposable {
  readonly #socketPath: string;
  readonly #events: LinkEvents;
  readonly #random: () => number;
  #socket: Socket | null = null;
  #isUp = false;
  #isDisposed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(socketPath: string, events: LinkEvents, random: () => number) {
    this.#socketPath = socketPath;
    this.#events = events;
    this.#random = random;
    this.#connect();
  }

  /** True when the line was handed to a live connection; whether it was heard is known by the answer only. */
  send(message: ToGateway): boolean {
    if (!this.#isUp || this.#socket === null) return false;
    this.#socket.write(`${JSON.stringify(message)}\n`);
    return true;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#socketPath);
    const splitter = new LineSplitter(lineBytesMax);
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      const lines = splitter.push(chunk);
      if (lines === 'too-long') {
        socket.destroy();
        return;
      }
      for (const line of lines) {
        if (this.#isDisposed || socket.destroyed) return;
        this.#line(line, socket);
      }
    });
    // An error is always followed by 'close', which tries again; the reason is seen by callers as 'unreachable'.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  #line(line: string, socket: Socket): void {
    const parsed = parseFromGateway(line);
    if (parsed.kind === 'malformed') {
      socket.destroy();
      return;
    }
    if (parsed.message.type === 'hello') {
      this.#isUp = true;
      this.#failures = 0;
    }
    this.#events.onMessage(parsed.message);
  }

  #closed(): void {
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.#socket = null;
    if (this.#isDisposed) return;
    const capMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#timer = setTimeout(() => this.#connect(), capMs * (0.5 + this.#random() / 2));
    if (wasUp) this.#events.onDown();
  }
}
