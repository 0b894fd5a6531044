import { BodyReader } from './body-reader.ts';
import { chunkEnd, writeChunkHead, writeLastChunk } from './chunk-writer.ts';
import { bodyStep } from './chunked-decoder.ts';
import { callerAddress, type Want } from './corpus.fixture.ts';
import { FixedLines, FixedValue } from './fixed-lines.ts';
import {
  framing,
  type Head,
  type HeadLimits,
  incomplete,
  usualLimits,
  refused,
  RequestHead,
  ResponseHead,
} from './head.ts';
import { HeadReader } from './head-reader.ts';
import { OctetWriter } from './octet-writer.ts';
import { type HttpRefusal, refusals } from './refusals.ts';
import { parseRequestHead } from './request-head.ts';
import { type RequestAdditions, writeRequestHead } from './request-writer.ts';
import { parseResponseHead } from './response-head.ts';
import { type ResponseAdditions, writeResponseHead } from './response-writer.ts';
import { SecondOpinion } from './second-opinion.ts';
import { trailersHead } from './trailers.ts';

/** One message as a parser read it. */
export interface Message {
  /** Method and target, or status. */
  readonly start: string;
  readonly headers: readonly string[];
  body: string;
  isWhole: boolean;
}

export interface Reading {
  readonly messages: Message[];
  readonly sent: string[];
  end: Want['end'];
}

/** Reads a whole connection, cut at these offsets, as an engine would do it, and writes on what it may. */
export type ReadConnection = (octets: Buffer, cuts: readonly number[]) => Reading;

const requestAdditions: RequestAdditions = {
  callerAddress: FixedValue.of(callerAddress),
  scheme: FixedValue.of('http'),
  traceparent: null,
  lines: null,
  isTunnel: false,
  takesTrailers: false,
  expectsContinue: false,
};
const responseAdditions: ResponseAdditions = {
  callerMinorVersion: 1,
  keepAlive: true,
  lines: FixedLines.of([['x-tidegate-revision', 'r1']]),
  isTunnel: false,
};

const trailers = trailersHead();
const opinion = new SecondOpinion(64 * 1024);
const writer = new OctetWriter();
const out = Buffer.alloc(64 * 1024);

export function requestsReader(limits: HeadLimits = usualLimits): ReadConnection {
  const head = new RequestHead(limits);
  return (octets, cuts) =>
    readAll(octets, cuts, {
      head,
      reader: new HeadReader(parseRequestHead),
      agrees: () => opinion.agreesOnRequest(head),
      start: () => `${head.methodText()} ${head.text(head.targetStart, head.targetEnd)}`,
      write: () => writeRequestHead(writer, head, requestAdditions),
    });
}

/** Answers to GET. */
export function responsesReader(limits: HeadLimits = usualLimits): ReadConnection {
  const head = new ResponseHead(limits);
  return (octets, cuts) =>
    readAll(octets, cuts, {
      head,
      reader: new HeadReader(parseResponseHead),
      agrees: () => opinion.agreesOnResponse(head),
      start: () => String(head.status),
      write: () => writeResponseHead(writer, head, responseAdditions),
    });
}

/** For reading again what was sent, which is more than what was taken. */
export const wideLimits: HeadLimits = {
  headBytesMax: 32_768,
  headersMax: 200,
  targetBytesMax: 8192,
};

interface Side<H extends Head> {
  readonly head: H;
  readonly reader: HeadReader<H>;
  readonly agrees: () => boolean;
  readonly start: () => string;
  readonly write: () => void;
}

function readAll<H extends Head>(octets: Buffer, cuts: readonly number[], side: Side<H>): Reading {
  const { head, reader } = side;
  const reading: Reading = { messages: [], sent: [], end: 'done' };
  const body = new BodyReader(trailers);
  let isLast = false;
  let inBody: { message: Message; headText: string; isChunked: boolean } | null = null;
  const refuse = (refusal: HttpRefusal | null): Reading => {
    if (refusal === null) throw new Error('refused for no reason');
    reading.end = [refusal.status, refusal.code];
    return reading;
  };
  const finish = () => {
    if (inBody === null) return;
    inBody.message.isWhole = true;
    reading.sent.push(inBody.headText + bodyText(inBody.message, inBody.isChunked));
    inBody = null;
  };
  for (const piece of pieces(octets, cuts)) {
    let at = 0;
    for (;;) {
      if (inBody === null) {
        const next = reader.read(head, piece, at);
        if (next === refused) return refuse(head.refusal);
        if (next === incomplete) break;
        if (!side.agrees()) return refuse(refusals['second-opinion']);
        isLast = !head.keepAlive || !opinion.keepAlive;
        const message = { start: side.start(), headers: headersOf(head), body: '', isWhole: false };
        reading.messages.push(message);
        writer.begin(out, 0);
        side.write();
        const isChunked = head.framing === framing.chunked || head.framing === framing.untilClose;
        inBody = { message, headText: out.toString('latin1', 0, writer.at), isChunked };
        body.begin(head);
        trailers.count = 0;
        at = next;
      }
      const step = body.step(piece, at, piece.length);
      if (step === bodyStep.refused) return refuse(body.refusal);
      at = body.next;
      if (step === bodyStep.data)
        inBody.message.body += piece.toString('latin1', body.dataStart, body.dataEnd);
      else if (step === bodyStep.done) {
        finish();
        // An engine closes here; what follows is nobody's request.
        if (isLast) return reading;
      } else break;
    }
  }
  const isWithin = reader.isWithin;
  if (reader.finish(head) === refused) return refuse(head.refusal);
  if (inBody === null) reading.end = isWithin ? 'incomplete' : 'done';
  else {
    const last = body.finish();
    if (last === bodyStep.refused) return refuse(body.refusal);
    if (last === bodyStep.done) finish();
    else reading.end = 'incomplete';
  }
  return reading;
}

function bodyText({ body }: Message, isChunked: boolean): string {
  if (!isChunked) return body;
  writer.begin(out, 0);
  if (body !== '') {
    writeChunkHead(writer, body.length);
    writer.octets(Buffer.from(body, 'latin1'));
    writer.octets(chunkEnd);
  }
  writeLastChunk(writer, trailers);
  return out.toString('latin1', 0, writer.at);
}

function headersOf(head: Head): string[] {
  return Array.from(
    { length: head.count },
    (_, index) => `${head.name(index)}: ${head.value(index)}`,
  );
}

function* pieces(octets: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (const cut of [...cuts, octets.length]) {
    // A copy of its own: nothing may be read beyond a piece, nor be taken for granted after it.
    yield Buffer.from(octets.subarray(from, cut));
    from = cut;
  }
}
