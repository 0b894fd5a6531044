import { type Head, refused, RequestHead, ResponseHead, usualLimits } from './head.ts';
import type { ParseHead } from './head-reader.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';

/**
 * The head that came last and that two parsers have agreed on, so that one with the very same octets needs no reading: callers on a
 * kept connection, and instances within a second, say the same again and again.
 *
 * - Q1. Exact: what a parser makes of octets depends on nothing but them, so the same octets have the same head and verdict.
 *   Nothing is taken from a part of a head.
 * - Q2. Only accepted heads are kept, as a copy with offsets of its own; what came with them in one read is not looked at.
 * - Q3. Heads of one connection, or of one instance, are compared with each other and with nobody else's: how long it takes tells a
 *   caller nothing about others.
 * - Q4. Heads that differ each time cost next to nothing: one is kept when its length has come twice, and not again until
 *   `keepEvery` more have come.
 */
export class RecalledHead<H extends Head> {
  /** llhttp's word for the head that is kept, see SecondOpinion. */
  opinionKeepAlive = false;
  readonly #parse: ParseHead<H>;
  readonly #make: (headersMax: number) => H;
  #head: H | null = null;
  /** Our parser's; a head's own is changed by those who serve it. */
  #keepAlive = false;
  #lastBytes = 0;
  #credit = creditMax;

  constructor(parse: ParseHead<H>, make: (headersMax: number) => H) {
    this.#parse = parse;
    this.#make = make;
  }

  /** The kept head, if its octets are those from `at` on, with its own bytes and offsets; its `end` is its length. */
  match(chunk: Buffer, at: number): H | null {
    const head = this.#head;
    if (head === null) return null;
    const { bytes, end } = head;
    if (chunk.length - at < end) return null;
    // Most that differ do so in their first line; a call out of JavaScript is dear for that.
    for (let index = 0; index < probedBytes; index += 1) {
      if (bytes[index] !== chunk[at + index]) return null;
    }
    if (bytes.compare(chunk, at, at + end, 0, end) !== 0) return null;
    if (head.isChanged) {
      this.#head = null;
      return null;
    }
    if (this.#credit < creditMax) this.#credit += 1;
    head.keepAlive = this.#keepAlive;
    return head;
  }

  /** Of a head that was accepted and agreed on, before anything of it is changed. */
  note(head: H, opinionKeepAlive: boolean): void {
    const bytes = head.end - head.start;
    const isRepeated = bytes === this.#lastBytes && bytes <= keptBytesMax;
    this.#lastBytes = bytes;
    if (this.#credit < creditMax) this.#credit += 1;
    if (!isRepeated || this.#credit < keepEvery) return;
    this.#credit -= keepEvery;
    this.#keep(head, opinionKeepAlive);
  }

  #keep(head: H, opinionKeepAlive: boolean): void {
    const bytes = Buffer.allocUnsafeSlow(head.end - head.start);
    head.bytes.copy(bytes, 0, head.start, head.end);
    const kept = this.#make(head.count);
    const end = this.#parse(kept, bytes, 0, bytes.length);
    // They were accepted where they lay, so they are here (Q1).
    if (end === refused || end !== bytes.length) throw new Error('a head was read in two ways');
    this.#head = kept;
    this.#keepAlive = kept.keepAlive;
    this.opinionKeepAlive = opinionKeepAlive;
  }
}

/** Longer ones are rare, and a kept head takes memory as long as its connection. */
const keptBytesMax = 4096;
/** Shorter than any head: `GET / HTTP/1.1 CR LF CR LF` alone would be refused, and has 18. */
const probedBytes = 16;
const keepEvery = 16;
const creditMax = 64;

/** Of one caller's connection. */
export function recalledRequest(): RecalledHead<RequestHead> {
  return new RecalledHead(parseRequestHead, newRequestHead);
}

/** Of one instance; of answers to HEAD, whose bodies are told in another way, none. */
export function recalledResponse(): RecalledHead<ResponseHead> {
  return new RecalledHead(parseResponseHead, newResponseHead);
}

function newRequestHead(headersMax: number): RequestHead {
  return new RequestHead({ ...usualLimits, headersMax });
}

function newResponseHead(headersMax: number): ResponseHead {
  return new ResponseHead({ ...usualLimits, headersMax });
}
