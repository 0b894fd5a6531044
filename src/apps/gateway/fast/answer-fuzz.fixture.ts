import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { LlhttpReader } from '../http1/llhttp-reading.fixture.ts';
import { mutate } from '../http1/mutation.fixture.ts';
import type { EngineFixture } from './engine.fixture.ts';

type Random = (bound: number) => number;

/** What an instance does with its connection behind an answer. */
const endings = ['stays', 'stays', 'ends', 'ends', 'resets', 'babbles'] as const;
type Ending = (typeof endings)[number];

interface Said {
  readonly octets: string;
  readonly ending: Ending;
}

/** Marks of requests are long, so that no change of octets makes one of another. */
export const markPattern = /m[0-9a-f]{16}m/g;
const answerMs = 60_000;

const reader = new LlhttpReader('response');

function markOf(random: Random): string {
  const part = (): string => (random(0x10000) + 0x10000).toString(16).slice(1);
  return `m${part()}${part()}${part()}${part()}m`;
}

const templates: readonly ((mark: string) => string)[] = [
  (mark) => `HTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
  (mark) =>
    `HTTP/1.1 200 OK\r\nX-Mark: ${mark}\r\nContent-Length: 3\r\nKeep-Alive: timeout=5\r\n\r\nabc`,
  (mark) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n12;a=b\r\n${mark}\r\n0\r\nX-End: ${mark}\r\n\r\n`,
  (mark) => `HTTP/1.1 200 OK\r\n\r\n${mark}`,
  (mark) =>
    `HTTP/1.1 103 Early Hints\r\nLink: ${mark}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
  (mark) => `HTTP/1.1 204 No Content\r\nX-Mark: ${mark}\r\n\r\n`,
  (mark) => `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "${mark}"\r\n\r\n`,
  (mark) => `HTTP/1.0 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
  (mark) => `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
];

/** Answers, changed or not, in pieces or not; and remembers what it said to whom. */
export class OddInstance {
  /** To the requests under way. */
  readonly said = new Map<string, Said>();
  readonly #issued = new Set<string>();
  readonly #random: Random;
  readonly #rows: readonly string[];
  readonly #alter: (octets: string) => string;

  /** `rows` are answers of the corpus. `alter` is for planted faults: it changes what is sent, but not what is said. */
  constructor(
    random: Random,
    rows: readonly string[],
    alter: (octets: string) => string = (octets) => octets,
  ) {
    this.#random = random;
    this.#rows = rows;
    this.#alter = alter;
  }

  /** Of a request, past or present. */
  isMark(text: string): boolean {
    return this.#issued.has(text);
  }

  serve(socket: Socket): void {
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const mark = received.slice(0, end).match(markPattern)?.[0] ?? '';
        received = received.slice(end + 4);
        this.#answer(socket, mark);
      }
    });
  }

  #answer(socket: Socket, mark: string): void {
    const random = this.#random;
    const plain = templates[random(templates.length)]?.(mark) ?? '';
    const answer = random(3) === 0 ? plain : mutate(plain, this.#rows, random);
    const ending = endings[random(endings.length)] ?? 'ends';
    const said = ending === 'babbles' ? answer + unasked(mark) : answer;
    this.#issued.add(mark);
    this.said.set(mark, { octets: said, ending });
    const octets = this.#alter(said);
    let from = 0;
    for (const cut of this.#cuts(octets)) {
      socket.write(octets.slice(from, cut), 'latin1');
      from = cut;
    }
    socket.write(octets.slice(from), 'latin1', () => {
      if (ending === 'ends') socket.end();
      else if (ending === 'resets') socket.resetAndDestroy();
    });
  }

  /**
   * None where more is said than was asked for. Octets that come behind a whole answer, by themselves, when the next
   * request is there already, are its answer to any client of HTTP/1.1 (RFC 9112 section 9.2): no proxy can tell.
   */
  #cuts(octets: string): readonly number[] {
    const { messages, isRefused } = reader.read(Buffer.from(octets, 'latin1'));
    const finals = messages.filter(({ start }) => !start.startsWith('1'));
    if (finals[0]?.isWhole === true && (finals.length > 1 || isRefused)) return [];
    const cuts = Array.from({ length: this.#random(3) }, () => this.#random(octets.length + 1));
    return cuts.toSorted((one, other) => one - other);
  }
}

/** What lies behind an answer bears its mark too: whoever gets it can tell. */
function unasked(mark: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n${mark}`;
}

/** How a request ended for its caller. */
export type Ended = 'whole' | 'refused' | 'cut';

/**
 * A caller with one connection, kept for as long as it may be. Asks, and says what was wrong with the answer: octets with
 * another request's mark, an answer that is no HTTP, neither whole nor cut, or not what the instance said.
 */
export class WaryCaller {
  readonly ended: Record<Ended, number> = { whole: 0, refused: 0, cut: 0 };
  readonly #fixture: EngineFixture;
  readonly #instance: OddInstance;
  readonly #random: Random;
  #socket: Socket | null = null;
  #received = '';
  #changed: () => void = () => {};

  constructor(fixture: EngineFixture, instance: OddInstance, random: Random) {
    this.#fixture = fixture;
    this.#instance = instance;
    this.#random = random;
  }

  /** What was wrong; null: nothing. */
  async ask(): Promise<string | null> {
    const mark = markOf(this.#random);
    const socket = await this.#connected();
    this.#received = '';
    this.#write(socket, mark);
    const untilMs = performance.now() + answerMs;
    while (!socket.closed && !this.#isWhole()) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return `it came to no end: ${this.#told(mark)}`;
      await this.#more(leftMs);
    }
    const fault = this.#faultOf(mark);
    if (/\r\nconnection: close\r\n/.test(this.#received)) await this.#closed(socket);
    // Instances say anything; what was said to the answered ones needs no remembering.
    this.#instance.said.delete(mark);
    return fault;
  }

  close(): void {
    this.#socket?.destroy();
  }

  /** A fourth have a body, which is still on its way when the instance answers, or not. */
  #write(socket: Socket, mark: string): void {
    if (this.#random(4) > 0) {
      socket.write(`GET /${mark} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return;
    }
    const body = 'x'.repeat(this.#random(40_000));
    const cut = this.#random(body.length + 1);
    const head = `POST /${mark} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, cut));
    setImmediate(() => {
      if (socket.writable) socket.write(body.slice(cut));
    });
  }

  #told(mark: string): string {
    const said = this.#instance.said.get(mark);
    return `said ${JSON.stringify(said)}, received ${JSON.stringify(this.#received)}`;
  }

  #faultOf(mark: string): string | null {
    const foreign = this.#received.match(markPattern)?.find((found) => found !== mark);
    // A changed mark is nobody's; one that another request has, is another's octets.
    if (foreign !== undefined && this.#instance.isMark(foreign)) {
      return `octets of another request: ${this.#told(mark)}`;
    }
    const theirs = reader.read(Buffer.from(this.#received, 'latin1'));
    const last = theirs.messages.at(-1);
    if (last === undefined || !this.#isWhole()) {
      this.ended.cut += 1;
      return this.#received === '' || !theirs.isRefused ? null : `no HTTP: ${this.#told(mark)}`;
    }
    if (theirs.isRefused) return `no HTTP, or more than was asked for: ${this.#told(mark)}`;
    const finals = theirs.messages.filter(({ start }) => !start.startsWith('1'));
    if (finals.length !== 1) return `${finals.length} answers: ${this.#told(mark)}`;
    if (last.headers.some((line) => line.startsWith('x-tidegate-reason: '))) {
      this.ended.refused += 1;
      return null;
    }
    this.ended.whole += 1;
    const said = this.#instance.said.get(mark);
    if (said === undefined) return `an answer that nobody gave: ${this.#told(mark)}`;
    return sameAs(said, last) ? null : `not what was said: ${this.#told(mark)}`;
  }

  #isWhole(): boolean {
    const { messages } = reader.read(Buffer.from(this.#received, 'latin1'));
    const last = messages.at(-1);
    return last?.isWhole === true && !last.start.startsWith('1');
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.closed && this.#socket.readyState === 'open') {
      return this.#socket;
    }
    this.#socket?.destroy();
    const socket = connect({ port: this.#fixture.port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      this.#received += bytes.toString('latin1');
      this.#changed();
    });
    socket.on('close', () => this.#changed());
    await once(socket, 'connect');
    return socket;
  }

  async #closed(socket: Socket): Promise<void> {
    if (!socket.closed) await this.#more(answerMs);
    socket.destroy();
  }

  async #more(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#changed = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** Whether the caller's answer is the first final one that llhttp sees in what the instance said. */
function sameAs(
  { octets }: Said,
  answer: { readonly start: string; readonly body: string },
): boolean {
  const { messages } = reader.read(Buffer.from(octets, 'latin1'));
  const first = messages.find(({ start }) => !start.startsWith('1'));
  return first !== undefined && first.start === answer.start && first.body === answer.body;
}
