import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { rounded } from '../form.ts';
import { Content } from './content.ts';
import { MessageCheck, messageOf, textOf } from './messages.ts';
import { type SoakPart, Tally } from './part.ts';
import type { SoakPlace } from './place.ts';

/** On their way of one connection. */
const underWayMax = 4;
const lastMessagesMs = 30_000;
/** So that the machine has time for the changes of weights. */
const betweenMs = 100;

/** Connections that stay open through all changes; every message comes back once, in order, as it was sent. */
export const webSockets: SoakPart = {
  name: 'web-sockets',
  run: async (place, { webSockets: count, webSocketSeconds: seconds }, { signal, say }) => {
    const untilMs = performance.now() + seconds * 1000;
    const tally = new Tally();
    const talks = Array.from({ length: count }, (_, number) => new Talk(place, number));
    const ends = await Promise.all(talks.map((talk) => talk.hold(untilMs, signal)));
    for (const fault of ends) tally.add(fault);
    const messages = talks.reduce((sum, talk) => sum + talk.returned, 0);
    const { mostMb } = await place.residentMb();
    say(`${count} WebSockets for ${seconds} s: ${messages} messages, ${tally.failed} broke`);
    return {
      rows: [
        [`WebSockets held for ${seconds} s`, String(count), String(tally.failed)],
        ['messages sent and returned in order', String(messages), String(tally.failed)],
      ],
      result: {
        webSockets: count,
        webSocketSeconds: seconds,
        webSocketMessages: messages,
        webSocketsBroken: tally.failed,
        webSocketsRssMbMost: rounded(mostMb),
      },
      faults: tally.faults,
    };
  },
};

class Talk {
  readonly #number: number;
  readonly #content: Content;
  readonly #check: MessageCheck;
  readonly #socket: WebSocket;
  #sent = 0;
  #fault: string | null = null;

  constructor({ port, host }: SoakPlace, number: number) {
    this.#number = number;
    this.#content = new Content(number);
    this.#check = new MessageCheck(number);
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/${number}`, { headers: { host } });
    this.#socket.on('message', (data: Buffer) => {
      this.#fault ??= this.#check.take(data);
    });
    this.#socket.on('error', (error) => {
      this.#fault ??= `connection ${number}: ${error.message}`;
    });
    this.#socket.on('close', (code, reason) => {
      this.#fault ??= `connection ${number} was closed after ${this.#check.count} messages: ${code} ${reason.toString()}`;
    });
  }

  get returned(): number {
    return this.#check.count;
  }

  /** Talks until then and waits for the last messages. What was wrong; null: nothing. */
  async hold(untilMs: number, signal: AbortSignal): Promise<string | null> {
    await once(this.#socket, 'open', { signal });
    while (performance.now() < untilMs && this.#fault === null) {
      signal.throwIfAborted();
      while (this.#sent - this.#check.count < underWayMax) this.#send();
      await sleep(betweenMs);
    }
    const lastMs = performance.now() + lastMessagesMs;
    while (this.#check.count < this.#sent && this.#fault === null && performance.now() < lastMs) {
      await sleep(betweenMs);
    }
    const missing = this.#sent - this.#check.count;
    const fault =
      this.#fault ?? (missing === 0 ? null : `connection ${this.#number} misses ${missing}`);
    this.#fault = fault ?? '';
    this.#socket.terminate();
    return fault;
  }

  #send(): void {
    const message = messageOf(this.#content, this.#number, this.#sent);
    // Every other one is a text.
    this.#socket.send(this.#sent % 2 === 1 ? textOf(message) : message);
    this.#sent += 1;
  }
}
