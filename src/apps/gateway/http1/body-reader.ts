import { bodyStep, type BodyStep, ChunkedDecoder } from './chunked-decoder.ts';
import { framing, type Framing, type Head } from './head.ts';
import type { HttpRefusal } from './refusals.ts';

/**
 * Reads the body of one message after another, however its length is told. One per connection and direction:
 *
 *     reader.begin(head);
 *     while ((step = reader.step(chunk, at, chunk.length)) === bodyStep.data) {
 *       pass on chunk[reader.dataStart, reader.dataEnd);
 *       at = reader.next;
 *     }
 *
 * `done`: what follows from `reader.next` is the next message. `more`: all of the chunk was taken. `refused`: nothing
 * more of this connection can be understood; it must be closed.
 */
export class BodyReader {
  dataStart = 0;
  dataEnd = 0;
  next = 0;
  readonly #trailers: Head;
  #decoder: ChunkedDecoder | null = null;
  #framing: Framing = framing.none;
  #left = 0;

  /** `trailers` (of `trailersHead`) is filled when a chunked body is done; it may be shared within a thread. */
  constructor(trailers: Head) {
    this.#trailers = trailers;
  }

  get refusal(): HttpRefusal | null {
    return this.#decoder?.refusal ?? null;
  }

  /** The body that is done had chunks, and so may have had trailers. */
  get hasTrailers(): boolean {
    return this.#framing === framing.chunked;
  }

  begin(head: { readonly framing: Framing; readonly contentLength: number }): void {
    this.#framing = head.framing;
    this.#left = head.framing === framing.length ? head.contentLength : 0;
    if (head.framing !== framing.chunked) return;
    // Most connections never carry a chunked body.
    this.#decoder ??= new ChunkedDecoder(this.#trailers);
    this.#decoder.begin();
  }

  step(bytes: Buffer, at: number, end: number): BodyStep {
    if (this.#framing === framing.chunked && this.#decoder !== null) {
      return this.#chunked(this.#decoder, bytes, at, end);
    }
    this.next = at;
    if (this.#framing === framing.untilClose) return this.#data(end - at);
    if (this.#left === 0) return bodyStep.done;
    const length = Math.min(this.#left, end - at);
    this.#left -= length;
    return this.#data(length);
  }

  /** The connection has ended: `done`, `more` for a body cut short, or `refused` if it could not have gone on well. */
  finish(): BodyStep {
    if (this.#framing === framing.chunked) return this.#decoder?.finish() ?? bodyStep.more;
    return this.#left === 0 ? bodyStep.done : bodyStep.more;
  }

  #data(length: number): BodyStep {
    if (length <= 0) return bodyStep.more;
    this.dataStart = this.next;
    this.dataEnd = this.next + length;
    this.next = this.dataEnd;
    return bodyStep.data;
  }

  #chunked(decoder: ChunkedDecoder, bytes: Buffer, at: number, end: number): BodyStep {
    const step = decoder.step(bytes, at, end);
    this.next = decoder.next;
    this.dataStart = decoder.dataStart;
    this.dataEnd = decoder.dataEnd;
    return step;
  }
}
