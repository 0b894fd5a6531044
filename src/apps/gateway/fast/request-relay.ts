import type { FixedValue } from '../http1/fixed-lines.ts';
import { BodyReader } from '../http1/body-reader.ts';
import {
  chunkEnd,
  chunkHeadBytesMax,
  writeChunkHead,
  writeLastChunk,
} from '../http1/chunk-writer.ts';
import { bodyStep } from '../http1/chunked-decoder.ts';
import { framing, type RequestHead } from '../http1/head.ts';
import { OctetWriter } from '../http1/octet-writer.ts';
import { type Refusal, tooLarge } from '../refusal.ts';
import { requestHeadBytesMax, writeRequestHead } from '../http1/request-writer.ts';
import type { InstanceConnection, SoonWriter } from './instance-connection.ts';
import type { MirrorCopy } from './mirror-copy.ts';
import type { Parts } from './parts.ts';
import type { RequestBuffer } from './scratch.ts';

/** What a piece of a body may grow by when it is framed anew, its end and its trailers included. */
const framingBytes = 256;
/** A body up to this is kept if `isKept`. */
const keptBytesMax = 64 * 1024;
/** A beginning of a body up to this goes with the head. */
const withHeadBytesMax = 16 * 1024;

/** A request's way to an instance: its head and the beginning of its body in one write, and the rest as it comes. */
export class RequestRelay implements SoonWriter {
  /** All of it has been read from the caller, and it was all in the first write. */
  isWhole = true;
  isWholeInFirst = true;
  /** The instance has had enough for now. */
  isFull = false;
  isSent = false;
  /** Takes the request down for its shadow; null, as of most: nobody gets a copy. */
  copy: MirrorCopy | null = null;
  /** The caller waits for 100 Continue: to be told at once, or when the instance says so. */
  wantsContinue = false;
  asksForContinue = false;
  /** Of the body, taken from the caller so far. */
  bodyBytes = 0;
  /** A small body of known length is kept, so that it can be sent again; set before `compose`. */
  isKept = false;
  /** More of it is refused, and nothing beyond is sent. */
  bodyBytesMax = Infinity;
  /** Of `performance.now()`. */
  sentMs = 0;
  /** What became of its second sending (hedge.ts); null: there was none. */
  hedged: 'won' | 'lost' | null = null;
  readonly #parts: Parts;
  readonly #body: BodyReader;
  readonly #writer = new OctetWriter();
  #first: RequestBuffer | null = null;
  #firstBytes = 0;
  #isChunked = false;
  #isFirstKept = false;
  /** To some connection, maybe one before. */
  #wasSent = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#body = new BodyReader(parts.trailers);
  }

  get isTooLarge(): boolean {
    return this.bodyBytes > this.bodyBytesMax;
  }

  /** Why its body was refused. */
  get fault(): Refusal {
    if (this.isTooLarge) return tooLarge(this.bodyBytesMax);
    const { status = 400, detail = 'the body cannot be understood' } = this.#body.refusal ?? {};
    return { status, reason: 'bad-request', detail };
  }

  /** Nothing of it is lost when it is sent anew to another connection. */
  get isReplayable(): boolean {
    return !this.#wasSent || this.isWholeInFirst;
  }

  begin({ framing: told, contentLength }: RequestHead): void {
    const hasBody = told === framing.chunked || contentLength > 0;
    this.isWhole = !hasBody;
    this.isWholeInFirst = !hasBody;
    this.isFull = false;
    this.isSent = false;
    this.hedged = null;
    this.bodyBytes = 0;
    this.#wasSent = false;
  }

  /** Puts the first write together; returns the offset in `chunk` of what is not in it. */
  compose(head: RequestHead, callerAddress: FixedValue, chunk: Buffer, at: number): number {
    this.bodyBytesMax = this.#parts.bodyBytesMax;
    const { requestAdditions: additions, requestBuffers } = this.#parts;
    additions.callerAddress = callerAddress;
    additions.isTunnel = head.wantsTunnel;
    additions.takesTrailers = head.acceptsTrailers;
    this.#isChunked = head.framing === framing.chunked;
    const behind = this.isWhole ? 0 : chunk.length - at;
    // RFC 9110 section 10.1.1: it is the instance that takes the body or refuses it. Who has sent some waits for nobody.
    additions.expectsContinue = !this.isWhole && behind === 0;
    this.asksForContinue = head.expectsContinue && additions.expectsContinue;
    this.wantsContinue = head.expectsContinue && !additions.expectsContinue;
    const isKept = this.isKept && head.contentLength <= keptBytesMax && !this.#isChunked;
    this.isKept = isKept && !this.isWhole;
    const withHead = behind > withHeadBytesMax ? 0 : behind + framingBytes;
    const bodyBytes = this.isKept
      ? Math.max(withHead, head.contentLength + framingBytes)
      : withHead;
    this.#first = requestBuffers.take(requestHeadBytesMax(head, additions) + bodyBytes);
    this.#isFirstKept = false;
    this.#writer.begin(this.#first.bytes, 0);
    writeRequestHead(this.#writer, head, additions);
    additions.lines = null;
    if (!this.isWhole) this.#body.begin(head);
    const next =
      behind > 0 && behind <= withHeadBytesMax ? this.#readInto(this.#writer, chunk, at) : at;
    this.#firstBytes = this.#writer.at;
    this.isWholeInFirst = this.isWhole;
    if (this.copy !== null && this.isWhole) this.copy.whole();
    return next;
  }

  /** The first write, once to each connection that is tried; by the end of the turn, if it is all there is. */
  send(connection: InstanceConnection): void {
    if (this.#first === null) return;
    this.isSent = true;
    this.#wasSent = true;
    this.sentMs = this.#parts.nowMs;
    const bytes = this.#first.first(this.#firstBytes);
    this.isFull = false;
    if (this.isWhole && connection.writeSoon(bytes, this, this.#parts.writeTurn)) return;
    const isTaken = connection.write(bytes);
    this.written(isTaken, connection.socket.writableLength > 0);
  }

  /** For a second connection: the first one may still need what it has. */
  copyOfFirst(): Buffer {
    return Buffer.from(this.#first?.first(this.#firstBytes) ?? '');
  }

  written(isTaken: boolean, isWaiting: boolean): void {
    this.isFull = !isTaken;
    if (isWaiting) this.#isFirstKept = true;
  }

  /** More of the body; returns the offset in `chunk` of what was not taken, or -1: it is malformed. */
  pass(chunk: Buffer, at: number, connection: InstanceConnection): number {
    if (this.#isChunked) {
      const next = this.#readInto(this.#parts.scratch.begin(), chunk, at);
      if (next >= 0) this.isFull = !this.#parts.scratch.flush(connection.socket);
      if (this.copy !== null && this.isWhole) this.copy.whole();
      return next;
    }
    const body = this.#body;
    if (body.step(chunk, at, chunk.length) === bodyStep.data) {
      this.bodyBytes += body.dataEnd - body.dataStart;
      if (this.isKept) this.#keep(chunk, body.dataStart, body.dataEnd);
      this.copy?.add(chunk, body.dataStart, body.dataEnd);
      this.isFull = !connection.write(chunk.subarray(body.dataStart, body.dataEnd));
    }
    // Only to learn whether anything of the length is left.
    this.isWhole = body.finish() === bodyStep.done;
    if (this.isKept) this.isWholeInFirst = this.isWhole;
    if (this.copy !== null && this.isWhole) this.copy.whole();
    return body.next;
  }

  /** No more of this request. Whether another one may follow it on the connection. */
  end(connection: InstanceConnection | null): boolean {
    const isClean = connection === null || connection.isSent;
    const isFree = connection === null || connection.socket.writableLength === 0;
    if (this.#first !== null && isFree && !this.#isFirstKept) {
      this.#parts.requestBuffers.giveBack(this.#first);
    }
    this.#first = null;
    if (this.copy !== null) {
      this.copy.letGo();
      this.copy = null;
    }
    return isClean;
  }

  /** Behind what was sent first; there is room for all of it. */
  #keep(chunk: Buffer, start: number, end: number): void {
    if (this.#first === null) return;
    chunk.copy(this.#first.bytes, this.#firstBytes, start, end);
    this.#firstBytes += end - start;
  }

  #readInto(writer: OctetWriter, chunk: Buffer, from: number): number {
    const body = this.#body;
    for (let at = from; ; at = body.next) {
      const step = body.step(chunk, at, chunk.length);
      if (step === bodyStep.refused) return -1;
      if (step === bodyStep.data) {
        this.bodyBytes += body.dataEnd - body.dataStart;
        if (this.isTooLarge) return -1;
        writer.need(body.dataEnd - body.dataStart + chunkHeadBytesMax);
        if (this.#isChunked) writeChunkHead(writer, body.dataEnd - body.dataStart);
        writer.span(chunk, body.dataStart, body.dataEnd);
        this.copy?.add(chunk, body.dataStart, body.dataEnd);
        if (this.#isChunked) writer.octets(chunkEnd);
        continue;
      }
      this.isWhole = step === bodyStep.done;
      if (this.isWhole && this.#isChunked) writeLastChunk(writer, this.#parts.trailers);
      return body.next;
    }
  }
}
