import { BodyReader } from '../http1/body-reader.ts';
import { grpcOutcome, isGrpcAnswer } from './grpc-outcome.ts';
import {
  chunkEnd,
  chunkHeadBytesMax,
  lastChunk,
  writeChunkHead,
  writeLastChunk,
} from '../http1/chunk-writer.ts';
import { bodyStep } from '../http1/chunked-decoder.ts';
import { framing, incomplete, refused, type ResponseHead } from '../http1/head.ts';
import { known } from '../http1/known-headers.ts';
import { HeadReader } from '../http1/head-reader.ts';
import type { OctetWriter } from '../http1/octet-writer.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import { answerFraming, writeResponseHead } from '../http1/response-writer.ts';
import { servedMessage, servedOctets } from '../cache/served-octets.ts';
import type { Served } from '../cache/errand.ts';
import { newWish } from './answer-wish.ts';
import type { CallerSocket } from './caller-socket.ts';
import type { InstanceConnection } from './instance-connection.ts';
import { tellHead } from './errand-relay.ts';
import { keepMsOf } from './keep-alive-hint.ts';
import type { Parts } from './parts.ts';

/** What a read brought. `bad`: it was no HTTP, or two parsers read it in different ways; `again`: it was turned down. */
export type AnswerOutcome = 'more' | 'done' | 'bad' | 'tunnel' | 'again';

/** More than any use of 1xx asks for. */
const interimMax = 16;

/**
 * Reads an answer as it comes and hands it on, framed anew. What one read brings is one write: head and body together,
 * or a piece of the body as it lies in the connection's buffer. A small one that is whole may wait for the end of the turn.
 */
export class AnswerRelay {
  /** The final head is with the caller. */
  hasBegun = false;
  /** The instance has sent something. */
  hasSpoken = false;
  /** Some octet has come. */
  isTouched = false;
  status = 0;
  /** What the answer says of the instance, as a status: of a call of gRPC it is in the trailers. */
  outcome = 0;
  /** Of the body, handed on so far. */
  bodyBytes = 0;
  /** The caller's connection may carry another request. */
  keepAlive = false;
  /** How long the instance's connection may be kept; 0: not. */
  keepMs = 0;
  /** The instance has said how long it keeps its connection. */
  isPromised = false;
  /** The caller knows the end of the answer by the connection's only. */
  endsByClosing = false;
  /** The caller takes more at once. */
  isTaken = true;
  readonly wish = newWish();
  readonly #parts: Parts;
  readonly #caller: CallerSocket;
  readonly #heads = new HeadReader(parseResponseHead);
  readonly #body: BodyReader;
  /** Towards the caller. */
  #isChunked = false;
  /** No chunks on either side, so pieces of the body go as they lie. */
  #isPlain = false;
  #interim = 0;
  #isDirect = false;
  #isGrpc = false;
  /** The caller gets a stored answer in place of this one. */
  #isDropped = false;

  constructor(parts: Parts, caller: CallerSocket) {
    this.#parts = parts;
    this.#caller = caller;
    this.#body = new BodyReader(parts.trailers);
  }

  /** An answer by `wish` comes next. */
  begin(): void {
    this.hasBegun = false;
    this.isTouched = false;
    this.status = 0;
    this.outcome = 0;
    this.bodyBytes = 0;
    this.keepAlive = false;
    this.keepMs = 0;
    this.isTaken = true;
    this.#isDropped = false;
    this.#interim = 0;
    this.#heads.reset();
  }

  read(bytes: Buffer, connection: InstanceConnection): AnswerOutcome {
    const writer = this.#parts.scratch.begin();
    const hadBegun = this.hasBegun;
    this.isTouched = true;
    let at = 0;
    if (!hadBegun) {
      const next = this.#readHeads(writer, bytes, connection.answers);
      if (typeof next === 'string') return next;
      at = next;
      this.#isDirect = false;
    } else this.#isDirect = this.#isPlain;
    const outcome = this.#readBody(writer, bytes, at);
    if (outcome === 'bad') {
      // A head of this very read is not written yet.
      this.hasBegun = hadBegun;
      return 'bad';
    }
    if (this.#isDirect) this.#writeDirectly(bytes, connection);
    else if (outcome === 'done') this.isTaken = this.#parts.scratch.flushSoon(this.#caller);
    else this.isTaken = this.#parts.scratch.flush(this.#caller);
    // What comes behind an answer, nobody asked for.
    if (outcome === 'done' && this.#body.next < bytes.length) this.keepMs = 0;
    return outcome;
  }

  /** The connection has ended: whether that was the answer's end. */
  endsWhole(): boolean {
    if (this.#body.finish() !== bodyStep.done) return false;
    if (this.#isChunked) this.#caller.write(lastChunk);
    this.wish.errand?.whole();
    return true;
  }

  #readHeads(
    writer: OctetWriter,
    bytes: Buffer,
    answers: InstanceConnection['answers'],
  ): number | AnswerOutcome {
    const { responseHead: head, opinion, scratch } = this.#parts;
    // An errand reads all of a head, and hides lines of it.
    const isRecalling = !this.wish.isHead && this.wish.errand === null && !this.#heads.isWithin;
    const same = isRecalling ? answers.match(bytes, 0) : null;
    if (same !== null) {
      opinion.keepAlive = answers.opinionKeepAlive;
      if (this.wish.turnsDown?.(same.status) === true) return 'again';
      this.#final(writer, same);
      return same.end;
    }
    for (let at = 0; ;) {
      head.answersHead = this.wish.isHead;
      const next = this.#heads.read(head, bytes, at);
      if (next === incomplete) {
        if (writer.at > 0) this.isTaken = scratch.flush(this.#caller);
        return 'more';
      }
      if (next === refused || !opinion.agreesOnResponse(head)) return 'bad';
      at = next;
      if (head.status >= 200) {
        if (isRecalling) answers.note(head, opinion.keepAlive);
        if (this.wish.turnsDown?.(head.status) === true) return 'again';
        if (this.wish.errand !== null) {
          const order = tellHead(this.wish.errand, head, this.wish);
          if (order.kind === 'bad') return 'bad';
          if (order.kind === 'replace') {
            this.#replace(writer, head, order.served);
            return at;
          }
        }
        this.#final(writer, head);
        return at;
      }
      if (head.status === 101) return this.#switch(writer, head, bytes.subarray(at));
      this.#interim += 1;
      // One that closes is the end to llhttp, and to others not.
      const isLast = !head.keepAlive || !opinion.keepAlive;
      if (this.#interim > interimMax || isLast) return 'bad';
      this.#inform(writer, head);
    }
  }

  #final(writer: OctetWriter, head: ResponseHead): void {
    const { wish } = this;
    const { responseAdditions: additions, opinion } = this.#parts;
    additions.callerMinorVersion = wish.minorVersion;
    const mayFollow = wish.keepAlive && !wish.isLast;
    additions.keepAlive = mayFollow;
    additions.lines = wish.lines;
    additions.isTunnel = false;
    writeResponseHead(writer, head, additions);
    const wanted = answerFraming(head, wish.minorVersion);
    this.hasBegun = true;
    this.status = head.status;
    this.#isGrpc = isGrpcAnswer(head);
    this.outcome = this.#isGrpc ? grpcOutcome(head) : head.status;
    this.#isChunked = wanted === framing.chunked;
    this.#isPlain = !this.#isChunked && head.framing !== framing.chunked;
    this.endsByClosing = wanted === framing.untilClose;
    this.keepAlive = mayFollow && !this.endsByClosing;
    this.keepMs = head.keepAlive && opinion.keepAlive ? keepMsOf(head) : 0;
    this.isPromised = head.indexOf(known.keepAlive) >= 0;
    this.#body.begin(head);
  }

  #replace(writer: OctetWriter, head: ResponseHead, served: Served): void {
    const { wish } = this;
    const { opinion } = this.#parts;
    this.hasBegun = true;
    this.outcome = head.status;
    this.#isChunked = false;
    this.#isPlain = false;
    this.#isGrpc = false;
    this.#isDropped = true;
    this.endsByClosing = false;
    this.keepAlive = wish.keepAlive && !wish.isLast;
    this.keepMs = head.keepAlive && opinion.keepAlive ? keepMsOf(head) : 0;
    this.isPromised = head.indexOf(known.keepAlive) >= 0;
    const octets = this.stored(served);
    writer.need(octets.length);
    writer.octets(octets);
    this.#body.begin(head);
  }

  /** A stored answer as this caller gets it. */
  stored(served: Served): Buffer {
    const { wish } = this;
    const isKept = wish.keepAlive && !wish.isLast;
    const message = servedMessage(served, wish.isHead, wish.lines);
    this.status = message.status;
    this.bodyBytes = message.body.byteLength;
    const said = wish.minorVersion === 0 ? 'keep-alive' : '';
    return servedOctets(message, isKept ? said : 'close');
  }

  /** 1xx: for callers of HTTP/1.1 only, and 100 only once (RFC 9110 section 15.2). */
  #inform(writer: OctetWriter, head: ResponseHead): void {
    if (this.wish.minorVersion === 0 || (head.status === 100 && this.wish.hasContinued)) return;
    const { responseAdditions: additions } = this.#parts;
    additions.lines = null;
    additions.isTunnel = false;
    writeResponseHead(writer, head, additions);
  }

  #switch(writer: OctetWriter, head: ResponseHead, behind: Buffer): AnswerOutcome {
    if (!this.wish.wantsTunnel || !head.hasUpgradeOption) return 'bad';
    const { responseAdditions: additions, scratch } = this.#parts;
    additions.callerMinorVersion = 1;
    additions.lines = this.wish.lines;
    additions.isTunnel = true;
    writeResponseHead(writer, head, additions);
    writer.octets(behind);
    this.hasBegun = true;
    this.status = head.status;
    this.outcome = head.status;
    this.isTaken = scratch.flush(this.#caller);
    return 'tunnel';
  }

  /** Puts the pieces together in the scratch buffer, or leaves the one piece to be written as it lies. */
  #readBody(writer: OctetWriter, bytes: Buffer, from: number): AnswerOutcome {
    const body = this.#body;
    for (let at = from; ; at = body.next) {
      const step = body.step(bytes, at, bytes.length);
      if (step === bodyStep.data) {
        if (this.wish.errand !== null) {
          this.wish.errand.data(bytes.subarray(body.dataStart, body.dataEnd));
          if (this.#isDropped) continue;
        }
        this.bodyBytes += body.dataEnd - body.dataStart;
        // Without chunks there is one piece a read at most.
        if (!this.#isDirect) this.#piece(writer, bytes);
        continue;
      }
      if (step === bodyStep.more) return 'more';
      if (step === bodyStep.refused) return 'bad';
      if (this.#isGrpc && body.hasTrailers) this.outcome = grpcOutcome(this.#parts.trailers);
      if (this.#isChunked) this.#end(writer);
      this.wish.errand?.whole();
      return 'done';
    }
  }

  #piece(writer: OctetWriter, bytes: Buffer): void {
    const { dataStart, dataEnd } = this.#body;
    // Beyond the end of the buffer, octets would be lost without a word.
    writer.need(dataEnd - dataStart + chunkHeadBytesMax);
    if (this.#isChunked) writeChunkHead(writer, dataEnd - dataStart);
    writer.span(bytes, dataStart, dataEnd);
    if (this.#isChunked) writer.octets(chunkEnd);
  }

  #end(writer: OctetWriter): void {
    if (this.wish.takesTrailers) writeLastChunk(writer, this.#parts.trailers);
    else writer.octets(lastChunk);
  }

  #writeDirectly(bytes: Buffer, connection: InstanceConnection): void {
    const { dataStart, dataEnd } = this.#body;
    this.isTaken = this.#caller.write(bytes.subarray(dataStart, dataEnd));
    if (this.#caller.writableLength > 0) connection.keepBuffer();
  }
}
