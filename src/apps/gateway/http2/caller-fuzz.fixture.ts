import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { flag, type Frame, frame, FrameClient, frameType } from './frames.fixture.ts';
import {
  poison,
  type Random,
  strayFrame,
  withChaos,
  writeInPieces,
} from './frame-chaos.fixture.ts';
import { interleaved, type OddRequest, oddRequest } from './odd-requests.fixture.ts';

/** Marks of requests are long, so that no change of octets makes one of another. */
const markPattern = /m[0-9a-f]{16}m/g;

const issued = new Set<string>();

export function markOf(random: Random): string {
  const part = (): string => (random(0x10000) + 0x10000).toString(16).slice(1);
  const mark = `m${part()}${part()}${part()}${part()}m`;
  issued.add(mark);
  return mark;
}

/** A mark in `text` that another request has; one with a changed octet is nobody's. */
export function foreignMark(text: string, own: string): string | undefined {
  return text.match(markPattern)?.find((found) => found !== own && issued.has(found));
}

/** An instance that writes down what reaches it, and answers with the request's mark and the size of its body. */
export class MarkingInstance {
  readonly faults: string[] = [];
  /** Marks of requests whose head came, and of those that came whole. */
  readonly begun = new Set<string>();
  readonly whole = new Set<string>();
  readonly #server: Server;
  readonly #alter: (answer: string) => string;

  /** `alter` is for planted faults. */
  constructor(alter: (answer: string) => string = (answer) => answer) {
    this.#alter = alter;
    this.#server = createServer((request, response) => this.#take(request, response));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // Cut by a gateway whose caller broke off: that is how it should be.
      const isCut = error.code === 'HPE_INVALID_EOF_STATE' || error.code === 'ECONNRESET';
      if (!isCut) this.faults.push(`the instance refuses what we sent: ${error.code}`);
      socket.destroy();
    });
  }

  serve(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const head = `${request.method} ${request.url} ${request.rawHeaders.join(' ')}`;
    const mark = head.match(markPattern)?.[0] ?? '';
    this.begun.add(mark);
    if (head.includes(poison)) this.faults.push(`passed on: ${head}`);
    let body = '';
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      this.whole.add(mark);
      const foreign = foreignMark(body, mark);
      if (foreign !== undefined && issued.has(mark)) this.faults.push(`of ${foreign} in ${mark}`);
      const trailers = request.rawTrailers.join(' ');
      if (trailers.includes(poison)) this.faults.push(`passed on: ${trailers}`);
      response.end(this.#alter(`${mark} ${body.length}`));
    });
  }
}

export interface CallerReport {
  cases: number;
  /** Requests that were right, and answered by the instance. */
  answered: number;
  /** Requests that were wrong. */
  malformed: number;
  readonly faults: string[];
}

/** Sessions of callers, right, wrong or both, on connections of their own. */
export class OddCaller {
  readonly report: CallerReport = { cases: 0, answered: 0, malformed: 0, faults: [] };
  readonly #port: number;
  readonly #instance: MarkingInstance;
  readonly #random: Random;

  constructor(port: number, instance: MarkingInstance, random: Random) {
    this.#port = port;
    this.#instance = instance;
    this.#random = random;
  }

  /** One session. */
  async ask(): Promise<void> {
    this.report.cases += 1;
    const random = this.#random;
    const requests = Array.from({ length: 1 + random(6) }, (_, index) =>
      oddRequest(2 * index + 1, markOf(random), random),
    );
    const frames = interleaved(requests, random);
    using client = await FrameClient.connect(this.#port);
    const isChaotic = random(2) === 0;
    const octets = isChaotic ? withChaos(frames, random).octets : withControl(frames, random);
    await writeInPieces(octets, random, (piece) => client.write(piece));
    const told = JSON.stringify(octets.toString('latin1'));
    const fault = (what: string): void => void this.report.faults.push(`${what}: ${told}`);
    try {
      // Nothing more will come, which also ends what lacks its end.
      if (isChaotic) client.socket.end();
      await (isChaotic ? client.wait(() => false) : this.#settled(client, requests));
    } catch {
      fault('it came to no end');
    }
    this.#judge(client, requests, { isChaotic, fault });
  }

  /** Every stream has come to its end, or the connection has. */
  async #settled(client: FrameClient, requests: readonly OddRequest[]): Promise<void> {
    for (const { stream } of requests) await client.wait((each) => ends(each, stream));
  }

  #judge(
    client: FrameClient,
    requests: readonly OddRequest[],
    { isChaotic, fault }: { readonly isChaotic: boolean; readonly fault: (what: string) => void },
  ): void {
    const isCut = client.frames.every((each) => !ends(each, requests.at(-1)?.stream ?? 0));
    for (const request of requests) {
      const body = bodyOf(client.frames, request.stream);
      const foreign = foreignMark(body, request.mark);
      if (foreign !== undefined) fault(`octets of ${foreign} for ${request.mark}`);
      // What octets that were changed say is not known here; the instance has looked at what came of them.
      if (isChaotic) continue;
      if (request.isMalformed) this.report.malformed += 1;
      const { begun, whole } = this.#instance;
      if (request.isHeadMalformed && begun.has(request.mark)) fault(`passed on ${request.mark}`);
      const mustNotComeWhole = request.isMalformed && !request.mayComeWhole;
      if (mustNotComeWhole && whole.has(request.mark)) fault(`whole ${request.mark}`);
      if (!request.isMalformed && !isCut) this.#judgeAnswer(client, request, { body, fault });
    }
  }

  #judgeAnswer(
    client: FrameClient,
    { stream, mark, isHead, bodyBytes, isRouted }: OddRequest,
    { body, fault }: { readonly body: string; readonly fault: (what: string) => void },
  ): void {
    const hasHead = client.frames.some((each) => isHeadOf(each, stream));
    if (!hasHead) fault(`no answer to ${mark}`);
    if (!isRouted || isHead || !this.#instance.whole.has(mark)) return;
    this.report.answered += 1;
    if (body !== `${mark} ${bodyBytes}`) fault(`${mark} got ${body}`);
  }
}

function isHeadOf({ type, stream }: Frame, of: number): boolean {
  return stream === of && type === frameType.headers;
}

function ends({ type, stream, flags }: Frame, of: number): boolean {
  if (stream !== of) return false;
  const mayEnd = type === frameType.headers || type === frameType.data;
  return type === frameType.reset || (mayEnd && (flags & flag.endStream) !== 0);
}

function bodyOf(frames: readonly Frame[], of: number): string {
  return frames
    .filter(({ type, stream }) => type === frameType.data && stream === of)
    .map(({ payload }) => payload.toString('latin1'))
    .join('');
}

/** Right control frames in between, which change nothing. */
function withControl(frames: readonly Frame[], random: Random): Buffer {
  const octets: Buffer[] = [];
  for (const { type, stream, flags, payload } of frames) {
    if (type !== frameType.continuation && random(6) === 0) octets.push(controlFrame(random));
    octets.push(frame(type, stream, { flags, payload }));
  }
  return Buffer.concat(octets);
}

function controlFrame(random: Random): Buffer {
  const priority = Buffer.from([0, 0, 0, 0, random(256)]);
  const rows = [
    frame(frameType.ping, 0, { payload: Buffer.alloc(8) }),
    frame(frameType.settings, 0),
    frame(frameType.windowUpdate, 0, { payload: Buffer.from([0, 0, 1, 0]) }),
    frame(frameType.priority, 1001, { payload: priority }),
    frame(0x42, 0, { payload: priority }),
  ];
  return rows[random(rows.length)] ?? Buffer.alloc(0);
}

/** Frames without end, of which a session may bear some and no more: each is answered by its end. */
export const floods: readonly (readonly [name: string, octets: (random: Random) => Buffer])[] = [
  ['strays', (random) => Buffer.concat(Array.from({ length: 4000 }, () => strayFrame(random, 1)))],
  [
    'SETTINGS that change the table',
    (random) =>
      Buffer.concat(
        Array.from({ length: 4000 }, () =>
          frame(frameType.settings, 0, { payload: Buffer.from([0, 1, 0, random(2), 0, 0]) }),
        ),
      ),
  ],
  ['a block whose fields are one long one, repeated (RFC 7541, section 7.3)', () => bomb()],
];

/** One field of 3 KB that goes into the dynamic table, and 16,000 references to it of one octet each. */
function bomb(): Buffer {
  const value = Buffer.alloc(3000, 'v');
  const literal = Buffer.concat([
    Buffer.from([0x40, 1]),
    Buffer.from('x'),
    Buffer.from([0x7f, 0xb9, 0x16]),
    value,
  ]);
  // :method GET, :scheme http, :path / of the static table, and the first of the dynamic one.
  const block = Buffer.concat([
    Buffer.from([0x82, 0x86, 0x84, 1, 1]),
    Buffer.from('a'),
    literal,
    Buffer.alloc(13_000, 0xbe),
  ]);
  const requests = Array.from({ length: 60 }, (_, index) =>
    frame(frameType.headers, 2 * index + 1, {
      flags: flag.endHeaders | flag.endStream,
      payload: block,
    }),
  );
  return Buffer.concat(requests);
}
