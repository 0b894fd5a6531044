import { EventEmitter } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { OctetSocket } from '../fast/octet-socket.ts';
import type { ResponseHead } from '../http1/head.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import type { Refusal } from '../refusal.ts';
import { fieldRecord } from './field-record.ts';
import { MessageReader, type MessageSink, passedOn } from './message-reader.ts';
import { chunkOf, lastChunkOf } from './octets-of.ts';
import { refusalAnswer } from './refusal-answer.ts';
import type { RequestOctets } from './request-octets.ts';
import { isOfHttp1, lingerMs, streamParts } from './stream-parts.ts';

/**
 * One request of a caller over HTTP/2, made to look like a connection that carries one request of HTTP/1.1. What is
 * emitted as 'data' is the request; what is written is its answer.
 *
 * - S1. 'close' is emitted once: when the answer is whole and given to nghttp2, or when the stream is gone. 'end' is
 *   emitted only behind a whole answer, since the engine takes an end before it for a caller who hung up.
 * - S2. An answer that is cut is a RST_STREAM, so no caller takes it for whole.
 * - S3. Octets are copied before `write` returns, since nghttp2 sends them later. So nothing waits here (`writableLength`)
 *   unless the caller has had enough.
 */
export class CallerStream extends EventEmitter implements OctetSocket, MessageSink {
  readonly connecting = false;
  readonly remoteAddress: string | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #request: RequestOctets;
  readonly #answer: MessageReader<ResponseHead>;
  readonly #kept: Buffer[] = [];
  #isFlushed = false;
  #isPaused = false;
  #requestTrailers: readonly string[] = [];
  #trailers: readonly string[] | null = null;
  #isRequestWhole: boolean;
  #isWhole = false;
  #isClosed = false;

  constructor(
    stream: ServerHttp2Stream,
    request: RequestOctets,
    remoteAddress: string | undefined,
  ) {
    super();
    this.remoteAddress = remoteAddress;
    this.#stream = stream;
    this.#request = request;
    this.#isRequestWhole = request.framing === 'none';
    const { responseHead, responseTrailers } = streamParts;
    this.#answer = new MessageReader(parseResponseHead, responseHead, responseTrailers, this);
    stream.on('drain', () => this.emit('drain'));
    stream.on('aborted', () => this.#close());
    stream.on('close', () => this.#close());
  }

  get writable(): boolean {
    return !this.#isWhole && this.#stream.writable;
  }

  get writableNeedDrain(): boolean {
    return !this.#isClosed && this.#stream.writableNeedDrain;
  }

  get writableLength(): number {
    return this.writableNeedDrain ? this.#stream.writableLength : 0;
  }

  /** The request may be read. What comes of its body within this turn goes with its head, so that it can be sent twice. */
  start(): void {
    if (this.#isRequestWhole) {
      this.#flush();
      return;
    }
    this.#stream.on('trailers', (_fields, _flags, raw) => {
      this.#requestTrailers = raw;
    });
    this.#stream.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#stream.on('end', () => this.#requestEnded());
    setImmediate(() => this.#flush());
  }

  write(octets: Buffer | string): boolean {
    if (this.#isClosed || this.#stream.closed || this.#stream.destroyed) return true;
    const { responseHead } = streamParts;
    responseHead.answersHead = this.#request.isHead;
    this.#answer.read(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
    return !this.writableNeedDrain;
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#isFlushed) {
      const octets = this.#kept.shift();
      if (octets === undefined) break;
      this.emit('data', octets);
    }
    if (!this.#isPaused) this.#stream.resume();
  }

  /** No more is written: the answer is whole, or it will never be. */
  end(): void {
    if (!this.#isWhole) {
      this.destroy();
      return;
    }
    // RFC 9113 section 8.1: a whole answer, and no more of the request is wanted.
    if (!this.#isRequestWhole) {
      if (this.#stream.writableFinished) this.#reset(constants.NGHTTP2_NO_ERROR);
      else this.#stream.once('finish', () => this.#reset(constants.NGHTTP2_NO_ERROR));
    }
    process.nextTick(() => this.#close());
  }

  destroy(): void {
    if (!this.#isWhole) this.#reset(constants.NGHTTP2_INTERNAL_ERROR);
    this.#close();
  }

  resetAndDestroy(): void {
    this.destroy();
  }

  /** The caller sends no more. */
  callerEnded(): void {
    if (this.#isRequestWhole || this.#isClosed) return;
    this.#reset(constants.NGHTTP2_CANCEL);
    this.#close();
  }

  /** Answers in place of an instance. */
  refuse(refusal: Refusal): void {
    if (this.#isClosed || this.#stream.closed || this.#stream.destroyed) return;
    const { fields, body } = refusalAnswer(refusal, this.#request);
    this.#stream.respond([...fields], { endStream: body === null });
    if (body !== null) this.#stream.write(body);
    this.#whole();
  }

  onHead(isBodiless: boolean): boolean {
    const { responseHead } = streamParts;
    const fields = passedOn(responseHead, isOfHttp1);
    if (responseHead.status < 200) {
      this.#stream.additionalHeaders(
        fieldRecord([':status', String(responseHead.status), ...fields]),
      );
      return false;
    }
    const options = { endStream: isBodiless, waitForTrailers: !isBodiless, sendDate: false };
    this.#stream.respond([':status', String(responseHead.status), ...fields], options);
    if (!isBodiless) this.#stream.on('wantTrailers', () => this.#sendTrailers());
    return true;
  }

  onData(bytes: Buffer): void {
    this.#stream.write(Buffer.from(bytes));
  }

  onEnd(trailers: readonly string[] | null): void {
    this.#trailers = trailers;
    this.#whole();
  }

  #whole(): void {
    this.#isWhole = true;
    this.#stream.end();
    this.#stream.setTimeout(lingerMs, () => this.#reset(constants.NGHTTP2_CANCEL));
    process.nextTick(() => this.emit('end'));
  }

  #sendTrailers(): void {
    // None: an empty DATA frame ends the stream.
    if (!this.#stream.closed && !this.#stream.destroyed) {
      this.#stream.sendTrailers(fieldRecord(this.#trailers ?? []));
    }
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += pieceBytesMax) {
      const piece = chunk.subarray(at, at + pieceBytesMax);
      this.#push(this.#request.framing === 'chunked' ? chunkOf(piece) : piece);
    }
  }

  #requestEnded(): void {
    if (this.#isRequestWhole) return;
    this.#isRequestWhole = true;
    if (this.#request.framing !== 'chunked') return;
    const last = lastChunkOf(this.#requestTrailers);
    if (last === null) this.#reset(constants.NGHTTP2_PROTOCOL_ERROR);
    else this.#push(last);
  }

  /** Emits it, or keeps it: 'end' comes also to a stream that has been paused. */
  #push(octets: Buffer): void {
    if (this.#isPaused || this.#kept.length > 0 || !this.#isFlushed) this.#kept.push(octets);
    else this.emit('data', octets);
  }

  #flush(): void {
    this.#isFlushed = true;
    if (this.#isClosed) return;
    const first = Buffer.concat([this.#request.head, ...this.#kept.splice(0)]);
    this.emit('data', first);
  }

  #reset(code: number): void {
    if (!this.#stream.closed) this.#stream.close(code);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#kept.length = 0;
    this.emit('close');
  }
}

/** What the engine's buffers have room for, framed anew. */
const pieceBytesMax = 32 * 1024;
