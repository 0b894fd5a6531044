import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { EngineFixture } from '../fast/engine.fixture.ts';
import { LlhttpReader } from '../http1/llhttp-reading.fixture.ts';
import { foreignMark, markOf } from './caller-fuzz.fixture.ts';
import { octetsOf, poison, type Random, strayFrame, withChaos } from './frame-chaos.fixture.ts';
import {
  type Fields,
  fieldBlock,
  flag,
  type Frame,
  frame,
  framesIn,
  frameType,
  preface,
} from './frames.fixture.ts';

/** Answers that an instance may give, right or wrong by RFC 9113 section 8. */
interface Template {
  readonly fields: Fields;
  readonly interim?: Fields;
  readonly trailers?: Fields;
}

const plain: Fields = [[':status', '200']];
const templates: readonly ((mark: string) => Template)[] = [
  () => ({ fields: plain }),
  () => ({ fields: plain }),
  (mark) => ({ fields: [...plain, ['content-length', String(mark.length)]] }),
  (mark) => ({ fields: [...plain, ['x-mark', mark]], trailers: [['x-end', mark]] }),
  (mark) => ({
    interim: [
      [':status', '103'],
      ['link', mark],
    ],
    fields: plain,
  }),
  () => ({ fields: [[':status', '204']] }),
  () => ({ fields: [[':status', '500']] }),
  () => ({ fields: [...plain, ['content-length', '5']] }),
  () => ({ fields: [...plain, ['content-length', '5'], ['content-length', '6']] }),
  () => ({ fields: [['x-mark', poison]] }),
  () => ({ fields: [[':status', '1000']] }),
  () => ({ fields: [[':status', `200 OK\r\nx: ${poison}`]] }),
  () => ({ fields: [...plain, [':status', '201']] }),
  () => ({ fields: [...plain, [':path', poison]] }),
  () => ({ fields: [...plain, ['connection', poison]] }),
  () => ({ fields: [...plain, ['transfer-encoding', 'chunked']] }),
  () => ({ fields: [...plain, ['keep-alive', poison]] }),
  () => ({ fields: [...plain, ['upgrade', poison]] }),
  () => ({ fields: [...plain, ['proxy-connection', poison]] }),
  () => ({ fields: [...plain, ['X-Capital', poison]] }),
  () => ({ fields: [...plain, ['x-cut', `a\r\nx: ${poison}`]] }),
  () => ({ fields: [...plain, ['x-cut', `a\0${poison}`]] }),
  () => ({ fields: [...plain, ['x cut', poison]] }),
  () => ({ fields: plain, trailers: [[':status', '200']] }),
  () => ({ fields: plain, trailers: [['x-end', `a\r\n\r\n${poison}`]] }),
  () => ({
    fields: [
      [':status', '101'],
      ['x-mark', poison],
    ],
  }),
];

/** An instance of HTTP/2 that answers anything. A request's mark is its body, which no compression hides. */
export class OddHttp2Instance {
  readonly #random: Random;
  readonly #alter: (mark: string) => string;

  /** `alter` is for planted faults. */
  constructor(random: Random, alter: (mark: string) => string = (mark) => mark) {
    this.#random = random;
    this.#alter = alter;
  }

  serve(socket: Socket): void {
    const bodies = new Map<number, string>();
    let isGreeted = false;
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.write(frame(frameType.settings, 0));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!isGreeted && bytes.length < preface.length) return;
      if (!isGreeted) bytes = bytes.subarray(preface.length);
      isGreeted = true;
      const { frames, rest } = framesIn(bytes);
      bytes = rest;
      for (const each of frames) this.#take(socket, bodies, each);
    });
  }

  #take(
    socket: Socket,
    bodies: Map<number, string>,
    { type, stream, flags, payload }: Frame,
  ): void {
    if (type === frameType.settings && (flags & flag.ack) === 0)
      socket.write(frame(frameType.settings, 0, { flags: flag.ack }));
    if (type === frameType.ping && (flags & flag.ack) === 0)
      socket.write(frame(frameType.ping, 0, { flags: flag.ack, payload }));
    if (type !== frameType.data) return;
    const body = (bodies.get(stream) ?? '') + payload.toString('latin1');
    bodies.set(stream, body);
    if ((flags & flag.endStream) === 0) return;
    bodies.delete(stream);
    this.#answer(socket, stream, this.#alter(body));
  }

  #answer(socket: Socket, stream: number, mark: string): void {
    const random = this.#random;
    const frames = answerFrames(templates[random(templates.length)]?.(mark), { stream, mark });
    const { octets, isShifted } =
      random(3) > 0
        ? { octets: Buffer.concat(frames.map(octetsOf)), isShifted: false }
        : withChaos(frames, random);
    if (!socket.writable) return;
    // Answers behind it would be read as part of it, and so be another's octets that the instance itself said.
    if (isShifted) {
      socket.end(octets);
      return;
    }
    socket.write(octets);
    const ending = random(40);
    if (ending === 0) socket.resetAndDestroy();
    else if (ending === 1) socket.end();
    else if (ending === 2) socket.write(frame(frameType.goAway, 0, { payload: Buffer.alloc(8) }));
    else if (ending === 3) socket.write(manyOf(strayFrame(random, stream)));
  }
}

function manyOf(octets: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 3000 }, () => octets));
}

function answerFrames(
  template: Template | undefined,
  { stream, mark }: { readonly stream: number; readonly mark: string },
): readonly Frame[] {
  const { fields, interim = null, trailers = null } = template ?? { fields: plain };
  const head = (block: Fields, flags: number): Frame => ({
    type: frameType.headers,
    stream,
    flags: flags | flag.endHeaders,
    payload: fieldBlock(block),
  });
  const data: Frame = {
    type: frameType.data,
    stream,
    flags: trailers === null ? flag.endStream : 0,
    payload: Buffer.from(mark),
  };
  return [
    ...(interim === null ? [] : [head(interim, 0)]),
    head(fields, 0),
    data,
    ...(trailers === null ? [] : [head(trailers, flag.endStream)]),
  ];
}

export type Ended = 'whole' | 'refused' | 'cut';
const reader = new LlhttpReader('response');

/** A caller of HTTP/1.1 with a connection for each request: says what was wrong with the answer, or how it ended. */
export async function askOnce(
  fixture: EngineFixture,
  random: Random,
): Promise<{ readonly fault: string | null; readonly ended: Ended }> {
  const mark = markOf(random);
  const socket = await fixture.connect();
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  socket.write(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
  );
  await once(socket, 'close');
  const told = (what: string): string => `${what}: ${mark} got ${JSON.stringify(received)}`;
  const foreign = foreignMark(received, mark);
  if (foreign !== undefined) return { fault: told('octets of another request'), ended: 'whole' };
  if (received.includes(poison)) return { fault: told('passed on'), ended: 'whole' };
  const { messages, isRefused } = reader.read(Buffer.from(received, 'latin1'));
  if (isRefused) return { fault: told('no HTTP'), ended: 'whole' };
  const last = messages.at(-1);
  if (last?.isWhole !== true) return { fault: null, ended: 'cut' };
  const isOurs = last.headers.some((line) => line.startsWith('x-tidegate-reason: '));
  return { fault: null, ended: isOurs ? 'refused' : 'whole' };
}
