/** Of a stream's octets: what is written or compared at once. */
export const blockBytes = 64 * 1024;
/** Each so many octets say which stream and which block they are of. */
const markEveryBytes = 256;

/**
 * Octets that tell where they belong. What is lost, repeated, out of order or of another stream is seen at the first octet
 * that differs, on whichever side looks; nothing has to be kept or sent beside to compare with.
 */
export class Content {
  readonly #stream: number;
  readonly #block = Buffer.allocUnsafe(blockBytes);
  #index = -1;

  /** `stream` is below 2^32. */
  constructor(stream: number) {
    this.#stream = stream;
    let state = (stream + 1) >>> 0;
    for (let at = 0; at < blockBytes; at += 4) {
      // A linear congruential generator modulo 2^32 (Numerical Recipes, section 7.1).
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      this.#block.writeUInt32LE(state, at);
    }
  }

  /** The octets from `index` times `blockBytes` on; they hold until the next call. */
  block(index: number): Buffer {
    if (index === this.#index) return this.#block;
    this.#index = index;
    for (let at = 0; at < blockBytes; at += markEveryBytes) {
      this.#block.writeUInt32LE(this.#stream, at);
      this.#block.writeUInt32LE(index, at + 4);
    }
    return this.#block;
  }
}

/** Compares what arrives of one stream with what it should be. */
export class ContentCheck {
  /** Octets that have arrived. */
  bytes = 0;
  /** Where and how they first differ; null: not at all. */
  fault: string | null = null;
  readonly #content: Content;

  constructor(stream: number) {
    this.#content = new Content(stream);
  }

  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.fault === null;) {
      const within = this.bytes % blockBytes;
      const length = Math.min(bytes.length - at, blockBytes - within);
      const block = this.#content.block(Math.floor(this.bytes / blockBytes));
      if (bytes.compare(block, within, within + length, at, at + length) !== 0) {
        this.fault = `octets ${this.bytes} to ${this.bytes + length} are not those that were sent`;
      }
      this.bytes += length;
      at += length;
    }
  }

  /** The fault, or that it ended before or behind `wantedBytes`; null: all is well. */
  ended(wantedBytes: number): string | null {
    if (this.fault !== null) return this.fault;
    return this.bytes === wantedBytes ? null : `${this.bytes} octets came, not ${wantedBytes}`;
  }
}
