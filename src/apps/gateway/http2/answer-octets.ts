import { STATUS_CODES } from '../node-http.ts';
import { isGrpcType } from '../../../domain/traffic/samples/grpc-status.ts';
import { chunkOf, isOneLine, lastChunkOf } from './octets-of.ts';

/** What the engine's buffers have room for, framed anew. */
const pieceBytesMax = 32 * 1024;

/** An answer of HTTP/2 as octets of HTTP/1.1, as they come. The engine's parsers read them as those of any instance. */
export class AnswerOctets {
  readonly head: Buffer;
  /** Nothing of the answer is missing, though its last frame may be. */
  isWhole: boolean;
  readonly #isChunked: boolean;
  #bytesLeft: number;
  #trailers: readonly string[] = [];

  /** `isEnd`: the stream ended with the head. */
  constructor(
    raw: readonly string[],
    { isHead, isEnd }: { readonly isHead: boolean; readonly isEnd: boolean },
  ) {
    const { status, lines, contentLength, contentType } = answerFields(raw);
    const isBodiless = isHead || status === 204 || status === 304;
    // The end of a call of gRPC is told in trailers, which only chunks have behind them.
    const hasLength = contentLength !== null && !isGrpcType(contentType);
    this.#isChunked = !isBodiless && !isEnd && !hasLength;
    this.#bytesLeft = hasLength ? Number(contentLength) : 0;
    this.isWhole = isEnd || isBodiless;
    let framing = '';
    if (this.#isChunked) framing = 'transfer-encoding: chunked\r\n';
    else if (contentLength !== null && status !== 204)
      framing = `content-length: ${contentLength}\r\n`;
    else if (!isBodiless) framing = 'content-length: 0\r\n';
    this.head = headOf(status, `${lines}${framing}`);
  }

  /** Of a 1xx. */
  static interim(raw: readonly string[]): Buffer {
    const { status, lines } = answerFields(raw);
    return headOf(status, lines);
  }

  body(chunk: Buffer): readonly Buffer[] {
    this.#bytesLeft -= chunk.length;
    if (!this.#isChunked && this.#bytesLeft <= 0) this.isWhole = true;
    const pieces: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += pieceBytesMax) {
      const piece = chunk.subarray(at, at + pieceBytesMax);
      pieces.push(this.#isChunked ? chunkOf(piece) : piece);
    }
    return pieces;
  }

  trailers(raw: readonly string[]): void {
    this.#trailers = raw;
  }

  /** The stream has ended. Null: there is nothing to say, or the trailers are malformed. */
  end(): Buffer | null {
    this.isWhole = true;
    return this.#isChunked ? lastChunkOf(this.#trailers) : null;
  }
}

interface AnswerFields {
  readonly status: number;
  readonly lines: string;
  /** Null: there is none that is a number. */
  readonly contentLength: string | null;
  readonly contentType: string;
}

function answerFields(raw: readonly string[]): AnswerFields {
  let status = 0;
  let lines = '';
  let contentLength: string | null = null;
  let contentType = '';
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (name === ':status') status = Number(value);
    else if (name === 'content-length') contentLength = /^\d{1,15}$/.test(value) ? value : null;
    else if (isOneLine(name) && isOneLine(value) && !framesHttp1.has(name)) {
      if (name === 'content-type') contentType = value;
      lines += `${name}: ${value}\r\n`;
    }
  }
  return { status, lines, contentLength, contentType };
}

/** nghttp2 refuses them in answers too. */
const framesHttp1 = new Set(['transfer-encoding', 'connection', 'upgrade', 'keep-alive']);

function headOf(status: number, lines: string): Buffer {
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n`, 'latin1');
}
