import { BodyReader } from '../http1/body-reader.ts';
import { bodyStep } from '../http1/chunked-decoder.ts';
import { framing, type Head, incomplete, refused } from '../http1/head.ts';
import { HeadReader, type ParseHead } from '../http1/head-reader.ts';

/** Hears of a message as it comes. */
export interface MessageSink {
  /** `isBodiless`: nothing follows. Returns whether it is the message's own head, and no interim one. */
  readonly onHead: (isBodiless: boolean) => boolean;
  /** To be copied before this returns. */
  readonly onData: (bytes: Buffer) => void;
  /** `trailers` are those that may be passed on; null: there are none. */
  readonly onEnd: (trailers: readonly string[] | null) => void;
}

/** What the engine wrote is no HTTP/1.1: a fault of ours. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/**
 * Takes apart one HTTP/1.1 message that the engine has written, so that it can go on as HTTP/2. The same parsers read it
 * as read everything; what they refuse is a broken invariant and throws.
 */
export class MessageReader<H extends Head> {
  readonly #heads: HeadReader<H>;
  readonly #head: H;
  readonly #body: BodyReader;
  readonly #trailers: Head;
  readonly #sink: MessageSink;
  #isWithinBody = false;
  #isChunked = false;
  #isDone = false;

  /** `head` and `trailers` may be shared by all readers of a thread: they are used within one call. */
  constructor(parse: ParseHead<H>, head: H, trailers: Head, sink: MessageSink) {
    this.#heads = new HeadReader(parse);
    this.#head = head;
    this.#trailers = trailers;
    this.#body = new BodyReader(trailers);
    this.#sink = sink;
  }

  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isDone) throw new MessageError('octets behind the end of a message');
      if (this.#isWithinBody) {
        this.#readBody(bytes, at);
        return;
      }
      const next = this.#heads.read(this.#head, bytes, at);
      if (next === incomplete) return;
      if (next === refused)
        throw new MessageError(this.#head.refusal?.detail ?? 'a malformed head');
      at = next;
      this.#begin(bytes.length === at);
    }
  }

  #begin(isAtEnd: boolean): void {
    const head = this.#head;
    const isBodiless =
      head.framing === framing.none ||
      (head.framing === framing.length && head.contentLength === 0);
    this.#isChunked = head.framing === framing.chunked;
    this.#body.begin(head);
    if (!this.#sink.onHead(isBodiless)) return;
    this.#isWithinBody = !isBodiless;
    if (!isBodiless) return;
    this.#isDone = true;
    if (!isAtEnd) throw new MessageError('a body behind a head that has none');
    this.#sink.onEnd(null);
  }

  #readBody(bytes: Buffer, from: number): void {
    const body = this.#body;
    for (let at = from; ; at = body.next) {
      const step = body.step(bytes, at, bytes.length);
      if (step === bodyStep.refused) throw new MessageError(body.refusal?.detail ?? 'a bad chunk');
      if (step === bodyStep.data) {
        this.#sink.onData(bytes.subarray(body.dataStart, body.dataEnd));
        if (this.#isChunked || body.finish() !== bodyStep.done) continue;
      } else if (step === bodyStep.more) return;
      this.#isDone = true;
      if (body.next < bytes.length) throw new MessageError('octets behind the end of a body');
      this.#sink.onEnd(this.#isChunked ? passedOn(this.#trailers) : null);
      return;
    }
  }
}

/** Names in lower case and values in turn, as HTTP/2 has them. */
export function passedOn(head: Head, isDropped: (id: number) => boolean = () => false): string[] {
  const pairs: string[] = [];
  for (let index = 0; index < head.count; index += 1) {
    if (head.isHop[index] !== 0 || isDropped(head.ids[index] ?? 0)) continue;
    pairs.push(head.name(index).toLowerCase(), head.value(index));
  }
  return pairs;
}
