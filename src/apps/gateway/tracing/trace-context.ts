import { randomBytes } from 'node:crypto';
import type { RequestHead } from '../http1/head.ts';
import { known } from '../http1/known-headers.ts';

/** `00-` 32 digits `-` 16 digits `-` two digits: W3C Trace Context section 3.2. */
const traceparentBytes = 55;
const traceIdAt = 3;
const parentIdAt = 36;
const flagsAt = 53;
const zero = 0x30;
const dash = 0x2d;

/** Whose part a request is: the caller's trace, or a new one. One object serves all requests of a connection. */
export class TraceContext {
  /** What the instance is sent: the trace, our span as its parent, sampled. */
  readonly traceparent = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'latin1');
  /** Parts of it. */
  readonly traceId = this.traceparent.subarray(traceIdAt, traceIdAt + 32);
  readonly spanId = this.traceparent.subarray(parentIdAt, parentIdAt + 16);
  /** 16 digits of the caller's span; zeros: the trace begins here. */
  readonly parentId = Buffer.alloc(16, zero);
  /** False: the caller has decided that this trace is not recorded. */
  isSampled = false;
  #hasParent = false;

  /** Continues the trace that the head names, or begins one; what is malformed is as if it were not there (section 3.2.2). */
  begin(head: RequestHead, random: RandomHex): void {
    const index = head.indexOf(known.traceparent);
    const isRepeated = (head.repeated & (1 << known.traceparent)) !== 0;
    const start = index < 0 || isRepeated ? -1 : (head.spans[4 * index + 2] ?? 0);
    const isThere = start >= 0 && isTraceparent(head.bytes, start, head.spans[4 * index + 3] ?? 0);
    if (isThere) {
      head.bytes.copy(this.traceparent, traceIdAt, start + traceIdAt, start + traceIdAt + 32);
      head.bytes.copy(this.parentId, 0, start + parentIdAt, start + parentIdAt + 16);
      this.#hasParent = true;
      this.isSampled = ((head.bytes[start + flagsAt + 1] ?? 0) & 1) !== 0;
    } else {
      random.write(this.traceparent, traceIdAt, 32);
      if (this.#hasParent) this.parentId.fill(zero);
      this.#hasParent = false;
      this.isSampled = true;
    }
    random.write(this.traceparent, parentIdAt, 16);
  }
}

/** Of version 00, with identifiers that are not all zero. The last digit of hexadecimal flags is even in ASCII if bit 0 is clear. */
function isTraceparent(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== traceparentBytes || bytes[start] !== zero || bytes[start + 1] !== zero) {
    return false;
  }
  let traceDigits = 0;
  let parentDigits = 0;
  for (let at = 2; at < traceparentBytes; at += 1) {
    const octet = bytes[start + at] ?? 0;
    const isDash = at === 2 || at === parentIdAt - 1 || at === flagsAt - 1;
    if (isDash !== (octet === dash)) return false;
    if (isDash) continue;
    if (!((octet >= zero && octet <= 0x39) || (octet >= 0x61 && octet <= 0x66))) return false;
    if (octet === zero) continue;
    if (at < parentIdAt) traceDigits += 1;
    else if (at < flagsAt) parentDigits += 1;
  }
  return traceDigits > 0 && parentDigits > 0;
}

const digits = Buffer.from('0123456789abcdef', 'latin1');

/**
 * Digits for identifiers, which must differ and need not be secret: sfc32 (Chris Doty-Humphrey, PractRand), seeded by the
 * system for each process.
 */
export class RandomHex {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: Buffer = randomBytes(12)) {
    this.#a = seed.readInt32LE(0);
    this.#b = seed.readInt32LE(4);
    this.#c = seed.readInt32LE(8);
    for (let round = 0; round < 12; round += 1) this.#next();
  }

  /** `count` is a multiple of 8. All zero, which is no identifier, is as likely as two that are the same. */
  write(out: Buffer, at: number, count: number): void {
    for (let offset = 0; offset < count; offset += 8) {
      const bits = this.#next();
      for (let digit = 0; digit < 8; digit += 1) {
        out[at + offset + digit] = digits[(bits >>> (4 * digit)) & 15] as number;
      }
    }
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }
}
