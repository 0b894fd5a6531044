import { methodNames } from './methods.ts';
import type { HttpRefusal } from './refusals.ts';

export interface HeadLimits {
  /** Of a whole head, its last empty line included. */
  readonly headBytesMax: number;
  readonly headersMax: number;
  readonly targetBytesMax: number;
}

/** RFC 9112 section 3 wants request lines of 8,000 octets taken; 16 KiB and 100 are what the other engine takes. */
export const usualLimits: HeadLimits = {
  headBytesMax: 16_384,
  headersMax: 100,
  targetBytesMax: 8192,
};

/** What a parser returns in place of the offset behind the head, which is never one of these. */
export const incomplete = 0;
export const refused = -1;

/** How the length of a body is told (RFC 9112 section 6.3). Numbers, for they are compared for each message. */
export const framing = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;
export type Framing = (typeof framing)[keyof typeof framing];

const nothing = Buffer.alloc(0);

/**
 * A parsed head: offsets into the bytes it was parsed from, and what follows from them. Made once and filled again for
 * each message, so that parsing makes no garbage; the fields hold until the next parse with it, or until the bytes are
 * overwritten. They are meaningless after `incomplete`, and after `refused` but for `refusal`.
 */
export class Head {
  readonly limits: HeadLimits;
  bytes: Buffer = nothing;
  /** Of the first line, behind an empty line that was skipped. */
  start = 0;
  /** Behind the empty line: where the body begins. */
  end = 0;
  /** Of headers. */
  count = 0;
  /** Per header: name start, name end, value start, value end; the value is without white space around it. */
  readonly spans: Int32Array;
  /** Per header: its number in `known`. */
  readonly ids: Uint8Array;
  /** Per header: 1 if it is not passed on, being hop-by-hop, named by Connection, or a look-alike of a known one. */
  readonly isHop: Uint8Array;
  /** Bits of the known headers that are there, and of those that are there more than once. */
  seen = 0;
  repeated = 0;
  /** Per known header: index of the first, if its bit is seen. */
  readonly firsts = new Uint16Array(32);
  /** 0 or 1. */
  minorVersion = 1;
  framing: Framing = framing.none;
  /** -1: no Content-Length. An answer to HEAD has one and no body. */
  contentLength = -1;
  /** Whether the connection it came on can carry another message after this one. */
  keepAlive = false;
  /** Connection has the option `upgrade`. */
  hasUpgradeOption = false;
  /** Lines were hidden behind its parser, so it is not what its octets say any more. */
  isChanged = false;
  refusal: HttpRefusal | null = null;

  constructor(limits: HeadLimits = usualLimits) {
    this.limits = limits;
    this.spans = new Int32Array(4 * limits.headersMax);
    this.ids = new Uint8Array(limits.headersMax);
    this.isHop = new Uint8Array(limits.headersMax);
  }

  has(id: number): boolean {
    return (this.seen & (1 << id)) !== 0;
  }

  /** Index of the first header with this number in `known`, or -1. */
  indexOf(id: number): number {
    return this.has(id) ? (this.firsts[id] ?? -1) : -1;
  }

  /** Index of the first header at or after `from` with this name, which is given in lower case; or -1. */
  find(lowerName: Uint8Array, from = 0): number {
    for (let index = from; index < this.count; index += 1) {
      const start = this.spans[4 * index] ?? 0;
      const end = this.spans[4 * index + 1] ?? 0;
      if (end - start === lowerName.length && this.#isName(start, lowerName)) return index;
    }
    return -1;
  }

  name(index: number): string {
    return this.text(this.spans[4 * index] ?? 0, this.spans[4 * index + 1] ?? 0);
  }

  value(index: number): string {
    return this.text(this.spans[4 * index + 2] ?? 0, this.spans[4 * index + 3] ?? 0);
  }

  /** Compares without making a string. */
  valueIs(index: number, wanted: Uint8Array): boolean {
    const start = this.spans[4 * index + 2] ?? 0;
    const end = this.spans[4 * index + 3] ?? 0;
    return (
      end - start === wanted.length &&
      this.bytes.compare(wanted, 0, wanted.length, start, end) === 0
    );
  }

  text(start: number, end: number): string {
    return this.bytes.toString('latin1', start, end);
  }

  /** For parsers: `return head.refuse(...)`. */
  refuse(refusal: HttpRefusal): typeof refused {
    this.refusal = refusal;
    return refused;
  }

  /** For parsers: nothing of the last message may stay. */
  begin(bytes: Buffer): void {
    this.bytes = bytes;
    this.count = 0;
    this.seen = 0;
    this.repeated = 0;
    this.framing = framing.none;
    this.contentLength = -1;
    this.hasUpgradeOption = false;
    this.isChanged = false;
    this.refusal = null;
  }

  #isName(start: number, lowerName: Uint8Array): boolean {
    for (let index = 0; index < lowerName.length; index += 1) {
      const octet = this.bytes[start + index] ?? 0;
      const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      if (lower !== lowerName[index]) return false;
    }
    return true;
  }
}

/** How the target of a request is written (RFC 9112 section 3.2). */
export const targetForm = { origin: 0, absolute: 1, asterisk: 2 } as const;
export type TargetForm = (typeof targetForm)[keyof typeof targetForm];

export class RequestHead extends Head {
  methodEnd = 0;
  /** Of `methods` in method.ts. */
  method = 0;
  targetStart = 0;
  targetEnd = 0;
  targetForm: TargetForm = targetForm.origin;
  /** Path and query of the target; empty for an absolute one without them. */
  pathStart = 0;
  pathEnd = 0;
  /** The host it is for, port included: of the target if that is absolute, else of Host. Never empty. */
  authorityStart = 0;
  authorityEnd = 0;
  /** The caller may wait for 100 Continue before it sends the body (RFC 9110 section 10.1.1). */
  expectsContinue = false;
  /** A GET without a body that asks for another protocol than h2c: it may become a tunnel. */
  wantsTunnel = false;
  /** TE has `trailers`: the caller takes trailers (RFC 9110 section 6.5.1). */
  acceptsTrailers = false;
  /** Texts that were asked for: they are asked for by several, and again when the same head comes again. */
  #authority: string | null = null;
  #path: string | null = null;

  override begin(bytes: Buffer): void {
    super.begin(bytes);
    this.#authority = null;
    this.#path = null;
  }

  /** Of an accepted head. Most methods have their text already. */
  methodText(): string {
    if (this.method > 0) return methodNames[this.method] ?? '';
    return this.text(this.start, this.methodEnd);
  }

  authority(): string {
    this.#authority ??= this.text(this.authorityStart, this.authorityEnd);
    return this.#authority;
  }

  /** As it is sent on: `*` and `/` stand for an absolute target without path (RFC 9112 sections 3.2.1 and 3.2.4). */
  path(): string {
    this.#path ??= this.text(this.pathStart, this.pathEnd);
    return this.#path;
  }
}

export class ResponseHead extends Head {
  /** Set before parsing: the request was HEAD, so there is no body whatever the headers say. */
  answersHead = false;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;

  reason(): string {
    return this.text(this.reasonStart, this.reasonEnd);
  }
}
