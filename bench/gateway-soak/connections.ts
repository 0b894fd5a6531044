import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { rounded } from '../form.ts';
import { type SoakPart, Tally } from './part.ts';
import { filesMax, type SoakPlace } from './place.ts';

const togetherMax = 100;
const settleMs = 1500;
const answerMs = 20_000;
/** Of the active: the time between an answer and the next request. */
const pauseMs = 500;
/** Files that a process has open beside its connections. */
const filesSpare = 500;

/** Many connections, most idle, some asking all the while; each answer must be that of its own request. */
export const connections: SoakPart = {
  name: 'connections',
  run: async (place, plan, { signal, say }) => {
    const { connections: count, activeConnections, activeSeconds } = plan;
    const max = await filesMax();
    if (max < count + filesSpare) {
      const fault =
        `${count} connections need ${count + filesSpare} open files and this process may have ${max}: ` +
        `raise the limit with ulimit -n, as root with ulimit -Hn first`;
      return { rows: [['connections', '0', fault]], result: noFigures, faults: [fault] };
    }
    const tally = new Tally();
    const callers: Caller[] = [];
    try {
      while (callers.length < count) {
        signal.throwIfAborted();
        const missing = Math.min(togetherMax, count - callers.length);
        const from = callers.length;
        const more = Array.from({ length: missing }, (_, index) => open(place, from + index));
        callers.push(...(await Promise.all(more)));
      }
      await askAll(callers, tally);
      await sleep(settleMs);
      const { nowMb } = await place.residentMb();
      say(`${count} connections idle: ${Math.round(nowMb)} MB resident`);
      const untilMs = performance.now() + activeSeconds * 1000;
      await Promise.all(
        callers.slice(0, activeConnections).map((each) => keepAsking(each, untilMs, tally)),
      );
      const { mostMb } = await place.residentMb();
      // Nobody was forgotten: the idle ones are served as before.
      await askAll(callers, tally);
      say(`${tally.well + tally.failed} requests over them: ${tally.failed} failed`);
      return {
        rows: [
          [
            `requests over ${count} connections`,
            String(tally.well + tally.failed),
            String(tally.failed),
          ],
        ],
        result: {
          connections: count,
          connectionRequests: tally.well + tally.failed,
          connectionRequestsFailed: tally.failed,
          rssMbAt10kIdle: count === 10_000 ? rounded(nowMb) : null,
          rssMbIdle: rounded(nowMb),
          rssMbActive: rounded(mostMb),
        },
        faults: tally.faults,
      };
    } finally {
      for (const each of callers) each.close();
    }
  },
};

const noFigures = {
  connections: 0,
  connectionRequests: 0,
  connectionRequestsFailed: 0,
  rssMbAt10kIdle: null,
  rssMbIdle: null,
  rssMbActive: null,
};

/** Once each, so many at a time. Idle connections are closed after 75 s, so it must not take long. */
async function askAll(callers: readonly Caller[], tally: Tally): Promise<void> {
  for (let from = 0; from < callers.length; from += togetherMax) {
    const some = callers.slice(from, from + togetherMax);
    for (const fault of await Promise.all(some.map((each) => each.ask()))) tally.add(fault);
  }
}

async function keepAsking(caller: Caller, untilMs: number, tally: Tally): Promise<void> {
  while (performance.now() < untilMs) {
    tally.add(await caller.ask());
    await sleep(pauseMs);
  }
}

async function open({ port, host }: SoakPlace, number: number): Promise<Caller> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return new Caller(socket, host, number);
}

/** One connection that is kept for as long as it lives; its requests bear its number and their own. */
class Caller {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #number: number;
  #asked = 0;
  #received = '';
  #told: (() => void) | null = null;

  constructor(socket: Socket, host: string, number: number) {
    this.#socket = socket;
    this.#host = host;
    this.#number = number;
    socket.on('data', (bytes: Buffer) => {
      this.#received += bytes.toString('latin1');
      this.#told?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#told?.());
  }

  /** What was wrong with the answer to another request; null: nothing. */
  async ask(): Promise<string | null> {
    this.#asked += 1;
    const id = `c${this.#number}-${this.#asked}.`;
    this.#received = '';
    this.#socket.write(`GET /?id=${id} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
    const untilMs = performance.now() + answerMs;
    while (!this.#received.endsWith(id)) {
      if (this.#socket.closed) return `connection ${this.#number} was closed before ${id}`;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return `${id} was answered ${JSON.stringify(this.#received.slice(0, 200))}`;
      await this.#more(leftMs);
    }
    return this.#received.startsWith('HTTP/1.1 200 ') ? null : `${id}: ${this.#received}`;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #more(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#told = resolve;
    await promise;
    clearTimeout(timer);
    this.#told = null;
  }
}
