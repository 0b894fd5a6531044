import { OctetWriter } from '../http1/octet-writer.ts';
import type { CallerSocket } from './caller-socket.ts';
import type { OctetSocket } from './octet-socket.ts';

/** Room for the largest head that is written and what one read brings behind it, framed anew. */
const scratchBytes = 128 * 1024;

/**
 * The buffer in which a message is put together before it is written in one piece; one for all connections, because a
 * message is put together and written within one turn.
 *
 * A socket that cannot hand all of it to the kernel at once keeps the buffer until it can, so it is left to that socket
 * then and another is taken (invariant: no octet is overwritten before the kernel has it).
 */
export class Scratch {
  readonly #writer = new OctetWriter();
  #out = Buffer.allocUnsafeSlow(scratchBytes);
  #views = new Views(this.#out);

  /** A new message; the last one has been flushed. */
  begin(): OctetWriter {
    this.#writer.begin(this.#out, 0);
    return this.#writer;
  }

  /** Writes what was put together. False: the socket has had enough, until 'drain'. */
  flush(socket: OctetSocket): boolean {
    const length = this.#writer.at;
    if (length === 0) return !socket.writableNeedDrain;
    const message = this.#views.first(length);
    // It is known to wait: a copy of its size is cheaper than another buffer.
    if (socket.connecting || socket.writableLength > 0) return socket.write(Buffer.from(message));
    const isTaken = socket.write(message);
    if (socket.writableLength > 0) {
      this.#out = Buffer.allocUnsafeSlow(scratchBytes);
      this.#views = new Views(this.#out);
    }
    return isTaken;
  }

  /** Writes a whole answer by the end of the turn. False: see `flush`. */
  flushSoon(caller: CallerSocket): boolean {
    return caller.writeSoon(this.#out, this.#writer.at) || this.flush(caller);
  }
}

/** Messages up to this have views that are kept: heads, and answers with small bodies. */
const viewBytesMax = 4096;

/** The beginnings of a buffer as buffers, each made once: a view is as much garbage as all else of a request. */
class Views {
  readonly #bytes: Buffer;
  readonly #views = new Map<number, Buffer>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  first(length: number): Buffer {
    if (length > viewBytesMax) return this.#bytes.subarray(0, length);
    let view = this.#views.get(length);
    if (view === undefined) {
      view = this.#bytes.subarray(0, length);
      this.#views.set(length, view);
    }
    return view;
  }
}

/** Of one message to an instance, or of an answer that waits; more is written apart. */
export const requestBytes = 4096;
const sparesMax = 256;

/** What an instance is sent first, and may be sent once more. */
export class RequestBuffer {
  readonly bytes: Buffer;
  #view: Buffer;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#view = this.bytes;
  }

  /** The first octets of it; of the same length as before mostly, since callers ask the same again and again. */
  first(length: number): Buffer {
    if (this.#view.length !== length) this.#view = this.bytes.subarray(0, length);
    return this.#view;
  }
}

/**
 * Buffers for what an instance is sent first, its head and the beginning of its body. Each is kept until the request has
 * ended, so that the same octets can be sent once more.
 */
export class RequestBuffers {
  readonly #spares: RequestBuffer[] = [];

  take(bytes: number): RequestBuffer {
    if (bytes > requestBytes) return new RequestBuffer(bytes);
    return this.#spares.pop() ?? new RequestBuffer(requestBytes);
  }

  /** No socket has it any more. */
  giveBack(buffer: RequestBuffer): void {
    if (buffer.bytes.length === requestBytes && this.#spares.length < sparesMax)
      this.#spares.push(buffer);
  }
}
