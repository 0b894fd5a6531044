import { mirrorBodyBytesMax } from '../../../domain/traffic/mirror.ts';
import { mirrorHeader, type Shadow } from '../mirror.ts';
import type { Slots } from '../slots.ts';
import { chunkEnd, chunkHeadBytesMax, lastChunk, writeChunkHead } from '../http1/chunk-writer.ts';
import { FixedLines } from '../http1/fixed-lines.ts';
import { framing, type RequestHead } from '../http1/head.ts';
import { OctetWriter } from '../http1/octet-writer.ts';
import {
  type RequestAdditions,
  requestHeadBytesMax,
  writeRequestHead,
} from '../http1/request-writer.ts';

const lines = FixedLines.of([[mirrorHeader, 'true']]);

/**
 * A request as it comes, taken down for its shadow, which gets it when the last octet is there. What is over the limit, or
 * never whole, is let go.
 */
export class MirrorCopy {
  readonly #shadow: Shadow;
  readonly #slots: Slots;
  readonly #send: (message: Buffer, shadow: Shadow) => void;
  readonly #head: Buffer;
  readonly #isChunked: boolean;
  readonly #pieces: Buffer[] = [];
  #bodyBytes = 0;
  #isOver = false;

  /** `head` is read within this call; `send` has the slot from then on. */
  constructor(
    shadow: Shadow,
    slots: Slots,
    request: { readonly head: RequestHead; readonly additions: RequestAdditions },
    send: (message: Buffer, shadow: Shadow) => void,
  ) {
    this.#shadow = shadow;
    this.#slots = slots;
    this.#send = send;
    this.#isChunked = request.head.framing === framing.chunked;
    this.#head = headOf(request.head, request.additions);
    if (request.head.contentLength > mirrorBodyBytesMax) this.#refuse();
  }

  /** bytes[start, end) of the body. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    this.#bodyBytes += end - start;
    // Copied, since the bytes lie in a buffer that is read into again.
    if (this.#bodyBytes <= mirrorBodyBytesMax)
      this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    else this.#refuse();
  }

  /** The request is whole. */
  whole(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#send(Buffer.concat([this.#head, ...this.#body()]), this.#shadow);
  }

  /** It never will be whole. Harmless after `whole`. */
  letGo(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#slots.giveBack();
  }

  #refuse(): void {
    this.letGo();
    this.#pieces.length = 0;
    this.#shadow.dropped('mirror-too-large');
  }

  #body(): readonly Buffer[] {
    if (!this.#isChunked) return this.#pieces;
    if (this.#bodyBytes === 0) return [lastChunk];
    const writer = new OctetWriter();
    const size = Buffer.allocUnsafe(chunkHeadBytesMax);
    writer.begin(size, 0);
    writeChunkHead(writer, this.#bodyBytes);
    return [size.subarray(0, writer.at), ...this.#pieces, chunkEnd, lastChunk];
  }
}

/** As the instance gets it, but marked. */
function headOf(head: RequestHead, additions: RequestAdditions): Buffer {
  const own = {
    ...additions,
    lines,
    isTunnel: false,
    takesTrailers: false,
    expectsContinue: false,
  };
  const bytes = Buffer.allocUnsafe(requestHeadBytesMax(head, own));
  const writer = new OctetWriter();
  writer.begin(bytes, 0);
  writeRequestHead(writer, head, own);
  return bytes.subarray(0, writer.at);
}
