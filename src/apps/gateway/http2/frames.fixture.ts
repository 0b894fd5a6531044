import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { boundMs } from '../gateway-fixture.ts';

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** RFC 9113 section 7. */
export const errorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** RFC 9113 section 4.1. */
export function frame(
  type: number,
  stream: number,
  {
    flags = 0,
    payload = Buffer.alloc(0),
  }: { readonly flags?: number; readonly payload?: Buffer } = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export type Fields = readonly (readonly [name: string, value: string])[];

/** Literal fields without indexing and without Huffman codes, RFC 7541 section 6.2.2. */
export function fieldBlock(fields: Fields): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), hpackText(name), hpackText(value)]),
  );
}

function hpackText(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1');
  return Buffer.concat([hpackInteger(octets.length), octets]);
}

/** RFC 7541 section 5.1, with a prefix of 7 bits. */
function hpackInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const octets = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  return Buffer.from([...octets, rest]);
}

export function headers(
  stream: number,
  fields: Fields,
  flags: number = flag.endHeaders | flag.endStream,
): Buffer {
  return frame(frameType.headers, stream, { flags, payload: fieldBlock(fields) });
}

/** Whole frames at the beginning of `bytes`, and what is behind them. */
export function framesIn(bytes: Buffer): {
  readonly frames: readonly Frame[];
  readonly rest: Buffer;
} {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
    const end = 9 + rest.readUIntBE(0, 3);
    frames.push({
      type: rest[3] ?? 0,
      flags: rest[4] ?? 0,
      stream: rest.readUInt32BE(5) & 0x7fff_ffff,
      payload: Buffer.from(rest.subarray(9, end)),
    });
    rest = rest.subarray(end);
  }
  return { frames, rest };
}

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** A client that writes frames as it is told, right or wrong. */
export class FrameClient implements Disposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      this.#arrived.resolve();
    });
  }

  static async connect(port: number, isGreeting = true): Promise<FrameClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const client = new FrameClient(socket);
    if (isGreeting) client.write(preface, frame(frameType.settings, 0));
    return client;
  }

  write(...octets: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(octets));
  }

  /** The first frame that fits, of those that came and those to come; null: the connection was closed before. */
  async wait(fits: (frame: Frame) => boolean): Promise<Frame | null> {
    const endMs = performance.now() + boundMs;
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.#isClosed) return null;
      if (performance.now() > endMs) throw new Error(`no such frame came within ${boundMs} ms`);
      const timer = setTimeout(() => this.#arrived.resolve(), 500);
      await this.#arrived.promise;
      clearTimeout(timer);
      this.#arrived = Promise.withResolvers<void>();
    }
  }

  /**
   * What becomes of a stream: `answered`, `reset` with an error, or the connection's end: `goaway` with an error, or
   * `closed` without a word.
   */
  async outcome(stream: number): Promise<string> {
    const found = await this.wait(
      ({ type, stream: of, payload }) =>
        (of === stream && (type === frameType.headers || type === frameType.reset)) ||
        (type === frameType.goAway && payload.readUInt32BE(4) !== errorCode.none),
    );
    if (found === null) return 'closed';
    if (found.type === frameType.headers) return 'answered';
    const [what, at] = found.type === frameType.reset ? ['reset', 0] : ['goaway', 4];
    const code = found.payload.readUInt32BE(at);
    const name = Object.entries(errorCode).find(([, each]) => each === code)?.[0] ?? code;
    return `${what} ${name}`;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const { frames, rest } = framesIn(this.#bytes);
    this.frames.push(...frames);
    this.#bytes = rest;
    this.#arrived.resolve();
  }
}
