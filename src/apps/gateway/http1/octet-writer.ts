/** Below this, a loop is faster than a call out of JavaScript. */
const loopBytesMax = 24;

const nothing = Buffer.alloc(0);

/**
 * Puts octets into a buffer, one behind the other. Made once and pointed at a buffer for each message, so that writing
 * makes no garbage. Whoever begins a message asks `need` first; the other methods do not look at the end.
 */
export class OctetWriter {
  out: Buffer = nothing;
  /** Where the next octet goes. */
  at = 0;

  begin(out: Buffer, at: number): void {
    this.out = out;
    this.at = at;
  }

  /** Throws if fewer than `bytes` octets have room: a head never outgrows what it was measured to need. */
  need(bytes: number): void {
    if (this.out.length - this.at >= bytes) return;
    const room = this.out.length - this.at;
    throw new RangeError(`cannot write ${bytes} bytes: the buffer has room for ${room}`);
  }

  octets(bytes: Buffer): void {
    this.span(bytes, 0, bytes.length);
  }

  /** bytes[start, end). */
  span(bytes: Buffer, start: number, end: number): void {
    const { out } = this;
    let { at } = this;
    this.at = at + end - start;
    if (end - start > loopBytesMax) {
      bytes.copy(out, at, start, end);
      return;
    }
    for (let from = start; from < end; from += 1) {
      out[at] = bytes[from] as number;
      at += 1;
    }
  }

  octet(octet: number): void {
    this.out[this.at] = octet;
    this.at += 1;
  }

  crLf(): void {
    this.out[this.at] = 0x0d;
    this.out[this.at + 1] = 0x0a;
    this.at += 2;
  }

  /** A whole number from 0 to 2^53 - 1. */
  decimal(value: number): void {
    let end = this.at + 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end += 1;
    let rest = value;
    for (let next = end - 1; next >= this.at; next -= 1) {
      const tenth = Math.floor(rest / 10);
      this.out[next] = 0x30 + rest - 10 * tenth;
      rest = tenth;
    }
    this.at = end;
  }
}
