import { type Head, RequestHead, type ResponseHead, usualLimits } from './head.ts';
import { known } from './known-headers.ts';
import {
  type LlhttpExports,
  LlhttpError,
  llhttpFields,
  llhttpFlags,
  llhttpPaused,
  llhttpType,
  loadLlhttp,
} from './llhttp.ts';
import { parseRequestHead } from './request-head.ts';

/**
 * A parser of other people's making reads each head that ours accepted. A head that two parsers read in two ways is
 * what request smuggling is made of, so it goes no further.
 *
 * - O1. Agreement is: llhttp accepts the head, ends it at the same octet, and sees the same target, status, version,
 *   names and values at the same offsets, the same Content-Length and the same Transfer-Encoding.
 * - O2. Whether the connection stays is not compared, since closing is always right: `keepAlive` must be asked of both.
 *
 * One per thread. Makes no garbage.
 */
export class SecondOpinion {
  /** llhttp's, of the last head that was agreed on. */
  keepAlive = false;
  readonly #llhttp: LlhttpExports;
  readonly #requests: number;
  readonly #responses: number;
  readonly #data: number;
  readonly #room: Buffer;
  readonly #memory: DataView;
  #head: Head | null = null;
  /** What is added to an address to make it an offset in the head's bytes. */
  #shift = 0;
  #names = 0;
  #values = 0;
  #lineStart = 0;
  #lineEnd = 0;
  #status = 0;
  #isSame = false;
  #isComplete = false;

  /** `headBytesMax` as in the limits of the heads it is shown; a longer one is not agreed on. Throws LlhttpError. */
  constructor(headBytesMax: number = usualLimits.headBytesMax) {
    this.#llhttp = loadLlhttp({
      wasm_on_message_begin: () => 0,
      wasm_on_url: (_, at, bytes) => this.#line(at, bytes),
      wasm_on_status: (_, at, bytes) => this.#line(at, bytes),
      wasm_on_header_field: (_, at, bytes) => this.#name(at, bytes),
      wasm_on_header_value: (_, at, bytes) => this.#value(at, bytes),
      wasm_on_headers_complete: (parser, status, _upgrade, keepAlive) =>
        this.#complete(parser, status, keepAlive),
      wasm_on_body: () => llhttpPaused,
      wasm_on_message_complete: () => llhttpPaused,
    });
    this.#requests = this.#llhttp.llhttp_alloc(llhttpType.request);
    this.#responses = this.#llhttp.llhttp_alloc(llhttpType.response);
    this.#data = this.#llhttp.malloc(headBytesMax);
    // Nothing is allocated in there after this, so the memory does not move.
    const { buffer } = this.#llhttp.memory;
    this.#room = Buffer.from(buffer, this.#data, headBytesMax);
    this.#memory = new DataView(buffer);
    this.#proveFields();
  }

  /** Of a head that `parseRequestHead` accepted. */
  agreesOnRequest(head: RequestHead): boolean {
    this.#lineStart = head.targetStart;
    this.#lineEnd = head.targetEnd;
    this.#status = 0;
    return this.#agrees(this.#requests, head);
  }

  /** Of a head that `parseResponseHead` accepted. */
  agreesOnResponse(head: ResponseHead): boolean {
    this.#lineStart = head.reasonStart;
    this.#lineEnd = head.reasonEnd;
    this.#status = head.status;
    return this.#agrees(this.#responses, head);
  }

  #agrees(parser: number, head: Head): boolean {
    const { start, end } = head;
    if (end - start > this.#room.length) return false;
    this.#head = head;
    this.#shift = start - this.#data;
    this.#names = 0;
    this.#values = 0;
    this.#isSame = true;
    this.#isComplete = false;
    head.bytes.copy(this.#room, 0, start, end);
    this.#llhttp.llhttp_reset(parser);
    const result = this.#llhttp.llhttp_execute(parser, this.#data, end - start);
    this.#head = null;
    return (
      result === llhttpPaused &&
      this.#isComplete &&
      this.#isSame &&
      this.#llhttp.llhttp_get_error_pos(parser) + this.#shift === end
    );
  }

  #line(at: number, bytes: number): number {
    const start = at + this.#shift;
    // An empty reason is told at no particular place.
    if (bytes === 0 && this.#lineStart === this.#lineEnd) return 0;
    if (start !== this.#lineStart || start + bytes !== this.#lineEnd) this.#isSame = false;
    return 0;
  }

  #name(at: number, bytes: number): number {
    const { spans, count } = this.#head as Head;
    const start = at + this.#shift;
    const index = 4 * this.#names;
    if (this.#names >= count || start !== spans[index] || start + bytes !== spans[index + 1]) {
      this.#isSame = false;
    }
    this.#names += 1;
    return 0;
  }

  /** llhttp leaves white space at the end of a value to others, and tells an empty one at no particular place. */
  #value(at: number, bytes: number): number {
    const { spans, count, bytes: octets } = this.#head as Head;
    const start = at + this.#shift;
    const index = 4 * this.#values;
    this.#values += 1;
    const valueStart = spans[index + 2] as number;
    const valueEnd = spans[index + 3] as number;
    if (this.#values > count) this.#isSame = false;
    else if (valueStart === valueEnd) {
      if (bytes !== 0) this.#isSame = false;
    } else {
      if (start !== valueStart || start + bytes < valueEnd) this.#isSame = false;
      for (let next = valueEnd; next < start + bytes; next += 1) {
        const octet = octets[next];
        if (octet !== 0x20 && octet !== 0x09) this.#isSame = false;
      }
    }
    return 0;
  }

  #complete(parser: number, status: number, keepAlive: number): number {
    const head = this.#head as Head;
    const flags = this.#memory.getUint16(parser + llhttpFields.flags, true);
    const hasLength = (flags & llhttpFlags.contentLength) !== 0;
    const hasEncoding = (flags & llhttpFlags.transferEncoding) !== 0;
    const isChunked = (flags & llhttpFlags.chunked) !== 0;
    this.#isComplete = true;
    this.keepAlive = keepAlive !== 0;
    if (
      this.#names !== head.count ||
      this.#values !== head.count ||
      status !== this.#status ||
      this.#memory.getUint8(parser + llhttpFields.minorVersion) !== head.minorVersion ||
      hasLength !== head.contentLength >= 0 ||
      hasEncoding !== head.has(known.transferEncoding) ||
      isChunked !== hasEncoding ||
      (hasLength && this.#contentLength(parser) !== head.contentLength)
    ) {
      this.#isSame = false;
    }
    return llhttpPaused;
  }

  #contentLength(parser: number): number {
    const low = this.#memory.getUint32(parser + llhttpFields.contentLength, true);
    const high = this.#memory.getUint32(parser + llhttpFields.contentLength + 4, true);
    return high * 2 ** 32 + low;
  }

  /** Fields are read by their offsets; that they are where we believe is shown with heads of known content. */
  #proveFields(): void {
    for (const text of probes) {
      const bytes = Buffer.from(text, 'latin1');
      const head = new RequestHead();
      const isRead = parseRequestHead(head, bytes, 0, bytes.length) === bytes.length;
      if (isRead && this.agreesOnRequest(head)) continue;
      const message = `cannot read the state of llhttp: it is not as expected after ${JSON.stringify(text)}`;
      throw new LlhttpError('llhttp-changed', message);
    }
  }
}

const probes = [
  'POST / HTTP/1.0\r\nhost: a\r\ncontent-length: 819855292164869\r\n\r\n',
  'POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n',
];
