/** Length-prefixed messages of gRPC over HTTP/2: an octet that says whether it is compressed, four of length, the message. */
const prefixBytes = 5;

export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Takes a body apart, however it is cut. */
export class GrpcReader {
  readonly #onMessage: (message: Buffer) => void;
  #kept: Buffer = Buffer.alloc(0);

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  /** Nothing is left of a message that has not come whole. */
  get isAtEnd(): boolean {
    return this.#kept.length === 0;
  }

  take(octets: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, octets]);
    while (this.#kept.length >= prefixBytes) {
      const end = prefixBytes + this.#kept.readUInt32BE(1);
      if (this.#kept.length < end) return;
      const message = this.#kept.subarray(prefixBytes, end);
      this.#kept = this.#kept.subarray(end);
      this.#onMessage(message);
    }
  }
}
