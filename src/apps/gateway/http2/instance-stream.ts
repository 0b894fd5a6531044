import { EventEmitter } from 'node:events';
import { type ClientHttp2Stream, constants } from 'node:http2';
import type { OctetSocket } from '../fast/octet-socket.ts';
import type { RequestHead } from '../http1/head.ts';
import { method } from '../http1/methods.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { AnswerOctets } from './answer-octets.ts';
import { fieldRecord } from './field-record.ts';
import type { InstanceSession } from './instance-sessions.ts';
import { MessageReader, type MessageSink, passedOn } from './message-reader.ts';
import { isOfHttp1, lingerMs, streamParts } from './stream-parts.ts';

/**
 * One request to an instance over HTTP/2, made to look like a connection of HTTP/1.1 that carries one request. What is
 * written is the request; what is emitted as 'data' is its answer.
 *
 * - I1. 'connect' is told when the session is connected; a session that does not come to be is an error before it, so the
 *   engine knows that nothing was sent.
 * - I2. 'close' before a whole answer is an answer that breaks off; `isUntouched` says whether the instance has told that
 *   it has not looked at the request (RFC 9113 section 8.7), which may then be sent again whatever it asks for.
 * - I3. It is never used twice: nothing is writable when a request has begun.
 */
export class InstanceStream extends EventEmitter implements OctetSocket, MessageSink {
  connecting: boolean;
  writable = true;
  isUntouched = false;
  readonly #session: InstanceSession;
  readonly #request: MessageReader<RequestHead>;
  #stream: ClientHttp2Stream | null = null;
  #answer: AnswerOctets | null = null;
  #trailers: readonly string[] | null = null;
  #isClosed = false;
  #hasLeft = false;

  constructor(session: InstanceSession) {
    super();
    this.#session = session;
    session.streams += 1;
    const { requestHead, requestTrailers } = streamParts;
    this.#request = new MessageReader(parseRequestHead, requestHead, requestTrailers, this);
    this.connecting = !session.isConnected;
    if (this.connecting) session.whenSettled(() => this.#settled());
  }

  get writableNeedDrain(): boolean {
    return this.#stream?.writableNeedDrain ?? false;
  }

  get writableLength(): number {
    return this.writableNeedDrain ? (this.#stream?.writableLength ?? 0) : 0;
  }

  write(octets: Buffer | string): boolean {
    if (this.#isClosed) return true;
    this.#request.read(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
    return !this.writableNeedDrain;
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  end(): void {
    this.#stream?.end();
  }

  destroy(error?: Error): void {
    if (error !== undefined && !this.#isClosed) {
      // It has taken too long to connect, and so it has for whoever else waits for it.
      if (this.connecting) this.#session.destroy();
      this.emit('error', error);
    }
    const stream = this.#stream;
    if (stream !== null && !stream.closed) {
      if (this.#answer?.isWhole === true) this.#letGo(stream);
      else {
        if (this.#answer === null) this.#session.doubt();
        stream.close(constants.NGHTTP2_CANCEL);
      }
    }
    this.#close();
  }

  resetAndDestroy(): void {
    this.destroy();
  }

  onHead(isBodiless: boolean): boolean {
    this.writable = false;
    const { requestHead } = streamParts;
    const pseudo = [
      [':method', requestHead.methodText()],
      [':scheme', 'http'],
      [':authority', requestHead.authority()],
      [':path', requestHead.path()],
    ].flat();
    const te = requestHead.acceptsTrailers ? ['te', 'trailers'] : [];
    const fields = [...pseudo, ...passedOn(requestHead, isOfHttp1), ...te];
    const isHead = requestHead.method === method.head;
    try {
      const options = { endStream: isBodiless, waitForTrailers: !isBodiless };
      this.#listen(this.#session.session.request(fields, options), isHead);
    } catch (error) {
      // The session is about to close: nothing of the request has been sent.
      this.isUntouched = true;
      process.nextTick(() => this.#fail(error instanceof Error ? error : new Error(String(error))));
    }
    return true;
  }

  onData(bytes: Buffer): void {
    this.#stream?.write(Buffer.from(bytes));
  }

  onEnd(trailers: readonly string[] | null): void {
    this.#trailers = trailers;
    this.#stream?.end();
  }

  #settled(): void {
    if (this.#isClosed) return;
    this.connecting = false;
    if (this.#session.isConnected) this.emit('connect');
    else this.#fail(this.#session.error ?? new Error('no connection'));
  }

  #listen(stream: ClientHttp2Stream, isHead: boolean): void {
    this.#stream = stream;
    stream.on('wantTrailers', () => {
      // None: an empty DATA frame ends the stream.
      if (!stream.closed && !stream.destroyed)
        stream.sendTrailers(fieldRecord(this.#trailers ?? []));
    });
    stream.on('drain', () => this.emit('drain'));
    stream.on('headers', (_fields, _flags, raw) => this.#emit(AnswerOctets.interim(raw)));
    stream.on('response', (_fields, flags, raw) => {
      const isEnd = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      this.#answer = new AnswerOctets(raw, { isHead, isEnd });
      this.#emit(this.#answer.head);
    });
    stream.on('data', (chunk: Buffer) => {
      for (const piece of this.#answer?.body(chunk) ?? []) this.#emit(piece);
    });
    stream.on('trailers', (_fields, _flags, raw) => this.#answer?.trailers(raw));
    stream.on('end', () => this.#emit(this.#answer?.end() ?? null));
    // 'close' follows.
    stream.on('error', () => {});
    stream.on('close', () => this.#streamClosed(stream));
  }

  /** Null: it cannot be said in HTTP/1.1, or there is nothing to say. */
  #emit(octets: Buffer | null): void {
    if (this.#isClosed || octets === null || octets.length === 0) return;
    this.emit('data', octets);
  }

  #streamClosed(stream: ClientHttp2Stream): void {
    if (this.#isClosed) {
      this.#leave();
      return;
    }
    const { id, rstCode } = stream;
    this.isUntouched =
      rstCode === constants.NGHTTP2_REFUSED_STREAM ||
      id === undefined ||
      id > this.#session.lastStreamId;
    const what = this.isUntouched ? 'did not take the request' : `ended it with error ${rstCode}`;
    this.#fail(new Error(`the instance ${what}`));
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.emit('error', error);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.writable = false;
    // Its place is free when nghttp2 has let go of the stream.
    if (this.#stream === null || this.#stream.destroyed) this.#leave();
    this.emit('close');
  }

  /** All of the answer is here; its last frames may not be. */
  #letGo(stream: ClientHttp2Stream): void {
    stream.resume();
    if (!stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
    else stream.setTimeout(lingerMs, () => stream.close(constants.NGHTTP2_CANCEL));
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#session.left(performance.now());
  }
}
