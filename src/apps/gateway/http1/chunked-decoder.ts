import { type Head, incomplete, refused } from './head.ts';
import { HeadReader } from './head-reader.ts';
import {
  backslash,
  cr,
  equals,
  hexOctet,
  lf,
  quote,
  semicolon,
  tokenOctet,
  valueOctet,
} from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';
import { parseTrailers } from './trailers.ts';

/** What a step of reading a body gave. */
export const bodyStep = { refused: -1, more: 0, data: 1, done: 2 } as const;
export type BodyStep = (typeof bodyStep)[keyof typeof bodyStep];

/** 16^12 bytes are 256 TiB; more digits are refused before they can overflow anything. */
const sizeDigitsMax = 12;
/** Of one body: extensions are read and dropped, so whoever sends them only costs us time (RFC 9112 section 7.1.1). */
const extensionBytesMax = 4096;

const state = {
  size: 0,
  moreSize: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailers: 6,
  done: 7,
  extensionName: 8,
  moreExtensionName: 9,
  extensionValue: 10,
  moreExtensionValue: 11,
  quoted: 12,
  escaped: 13,
  behindQuoted: 14,
} as const;

/**
 * Takes the chunks of a body apart (RFC 9112 section 7.1), strictly: sizes are hexadecimal digits only, lines end in
 * CR LF, extensions keep to their grammar. Nothing of the framing is passed on, so a body is always framed anew.
 */
export class ChunkedDecoder {
  /** Of the data that the last step gave. */
  dataStart = 0;
  dataEnd = 0;
  /** Where the next step goes on; behind the body when it is done. */
  next = 0;
  refusal: HttpRefusal | null = null;
  readonly #trailers: Head;
  readonly #trailersReader = new HeadReader(parseTrailers);
  #state: number = state.size;
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;

  /** `trailers` is filled when a body is done. */
  constructor(trailers: Head) {
    this.#trailers = trailers;
  }

  begin(): void {
    this.#state = state.size;
    this.#left = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailersReader.reset();
    this.refusal = null;
  }

  /** Goes on with bytes[at, end): the next piece of data, the end, or nothing before more bytes come. */
  step(bytes: Buffer, at: number, end: number): BodyStep {
    this.next = at;
    for (;;) {
      if (this.#state === state.data && this.#left > 0) return this.#data(end);
      if (this.#state === state.done) return bodyStep.done;
      if (this.next >= end) return bodyStep.more;
      if (this.#state === state.trailers) return this.#trailer(bytes, end);
      const fault = this.#octet(bytes[this.next] as number);
      if (fault !== null) return this.#refuse(fault);
      this.next += 1;
    }
  }

  /** The connection has ended: `done`, `more` for a body cut short, or `refused` if it could not have gone on well. */
  finish(): BodyStep {
    if (this.#state === state.done) return bodyStep.done;
    if (this.#trailersReader.finish(this.#trailers) !== refused) return bodyStep.more;
    return this.#refuse(this.#trailers.refusal ?? refusals['field-name']);
  }

  #data(end: number): BodyStep {
    const length = Math.min(this.#left, end - this.next);
    if (length === 0) return bodyStep.more;
    this.dataStart = this.next;
    this.dataEnd = this.next + length;
    this.next = this.dataEnd;
    this.#left -= length;
    if (this.#left === 0) this.#state = state.dataCr;
    return bodyStep.data;
  }

  #trailer(bytes: Buffer, end: number): BodyStep {
    const piece = bytes.length === end ? bytes : bytes.subarray(0, end);
    const next = this.#trailersReader.read(this.#trailers, piece, this.next);
    if (next === refused) return this.#refuse(this.#trailers.refusal ?? refusals['field-name']);
    this.next = next === incomplete ? end : next;
    if (next === incomplete) return bodyStep.more;
    this.#state = state.done;
    return bodyStep.done;
  }

  #refuse(refusal: HttpRefusal): BodyStep {
    this.refusal = refusal;
    return bodyStep.refused;
  }

  /** One octet of what is between the data of two chunks. */
  #octet(octet: number): HttpRefusal | null {
    switch (this.#state) {
      case state.size:
        this.#left = 0;
        this.#digits = 0;
        if (hexOctet[octet] === 0) return refusals['chunk-size'];
        this.#state = state.moreSize;
        return this.#size(octet);
      case state.moreSize:
        return this.#size(octet);
      case state.sizeLf:
        if (octet !== lf) return refusals['line-ending'];
        this.#state = this.#left === 0 ? state.trailers : state.data;
        return null;
      case state.dataCr:
        this.#state = state.dataLf;
        return octet === cr ? null : refusals['chunk-ending'];
      case state.dataLf:
        this.#state = state.size;
        return octet === lf ? null : refusals['chunk-ending'];
      default:
        this.#extensionBytes += 1;
        if (this.#extensionBytes > extensionBytesMax) return refusals['chunk-extension-too-long'];
        return this.#extension(octet)
          ? null
          : refusals[octet === lf ? 'line-ending' : 'chunk-extension'];
    }
  }

  #size(octet: number): HttpRefusal | null {
    const digit = (hexOctet[octet] as number) - 1;
    if (digit >= 0) {
      this.#digits += 1;
      this.#left = this.#left * 16 + digit;
      return this.#digits > sizeDigitsMax ? refusals['chunk-size'] : null;
    }
    if (octet === lf) return refusals['line-ending'];
    return this.#lineGoesOn(octet) ? null : refusals['chunk-size'];
  }

  /** `;name`, `;name=token` or `;name="quoted"`, without white space, as llhttp has it. */
  #extension(octet: number): boolean {
    const isToken = tokenOctet[octet] !== 0;
    switch (this.#state) {
      case state.extensionName:
        this.#state = state.moreExtensionName;
        return isToken;
      case state.moreExtensionName:
        if (isToken) return true;
        if (octet !== equals) return this.#lineGoesOn(octet);
        this.#state = state.extensionValue;
        return true;
      case state.extensionValue:
        this.#state = octet === quote ? state.quoted : state.moreExtensionValue;
        return isToken || octet === quote;
      case state.moreExtensionValue:
        return isToken || this.#lineGoesOn(octet);
      case state.quoted:
        if (octet === quote) this.#state = state.behindQuoted;
        else if (octet === backslash) this.#state = state.escaped;
        return valueOctet[octet] !== 0;
      case state.escaped:
        this.#state = state.quoted;
        return valueOctet[octet] !== 0;
      default:
        return this.#lineGoesOn(octet);
    }
  }

  #lineGoesOn(octet: number): boolean {
    if (octet === cr) this.#state = state.sizeLf;
    else if (octet === semicolon) this.#state = state.extensionName;
    else return false;
    return true;
  }
}
