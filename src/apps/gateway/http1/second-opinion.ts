import { type Head, RequestHead, type ResponseHead, usualLimits } from './head.ts';
import { known } from './known-headers.ts';
import { newRecorder, recorded, recordedMax } from './llhttp-recorder.ts';
import {
  type LlhttpExports,
  LlhttpError,
  llhttpFields,
  llhttpFlags,
  llhttpPaused,
  llhttpType,
  loadLlhttp,
} from './llhttp.ts';
import { space, tab } from './octets.ts';
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
  readonly #recorded: Int32Array;
  #lineStart = 0;
  #lineEnd = 0;
  #status = 0;

  /** `headBytesMax` as in the limits of the heads it is shown; a longer one is not agreed on. Throws LlhttpError. */
  constructor(headBytesMax: number = usualLimits.headBytesMax) {
    const { events, words } = newRecorder();
    this.#recorded = words;
    this.#llhttp = loadLlhttp(events);
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
    const { start, end, count } = head;
    const bytes = end - start;
    if (bytes > this.#room.length || count > recordedMax) return false;
    const told = this.#recorded;
    told[recorded.lines] = 0;
    told[recorded.names] = 0;
    told[recorded.values] = 0;
    told[recorded.completes] = 0;
    head.bytes.copy(this.#room, 0, start, end);
    this.#llhttp.llhttp_reset(parser);
    const result = this.#llhttp.llhttp_execute(parser, this.#data, bytes);
    this.keepAlive = told[recorded.keepAlive] !== 0;
    return (
      result === llhttpPaused &&
      told[recorded.completes] === 1 &&
      told[recorded.names] === count &&
      told[recorded.values] === count &&
      told[recorded.status] === this.#status &&
      this.#llhttp.llhttp_get_error_pos(parser) === this.#data + bytes &&
      this.#isSameLine(start - this.#data) &&
      this.#areSameFields(head, start - this.#data) &&
      this.#isSameFraming(parser, head)
    );
  }

  /** `shift` is what is added to an address to make it an offset in the head's bytes. */
  #isSameLine(shift: number): boolean {
    const told = this.#recorded;
    // An empty reason is told at no particular place, or not at all.
    if (this.#lineStart === this.#lineEnd) {
      return told[recorded.lines] === 0 || told[recorded.lineBytes] === 0;
    }
    return (
      told[recorded.lines] === 1 &&
      (told[recorded.lineAt] as number) + shift === this.#lineStart &&
      told[recorded.lineBytes] === this.#lineEnd - this.#lineStart
    );
  }

  /** llhttp leaves white space at the end of a value to others, and tells an empty one at no particular place. */
  #areSameFields({ spans, count, bytes }: Head, shift: number): boolean {
    const told = this.#recorded;
    for (let index = 0; index < count; index += 1) {
      const span = 4 * index;
      const name = recorded.nameTable + 2 * index;
      const nameStart = (told[name] as number) + shift;
      if (nameStart !== spans[span]) return false;
      if (nameStart + (told[name + 1] as number) !== spans[span + 1]) return false;
      const value = recorded.valueTable + 2 * index;
      const valueStart = (told[value] as number) + shift;
      const valueEnd = valueStart + (told[value + 1] as number);
      const end = spans[span + 3] as number;
      if (valueStart === spans[span + 2] && valueEnd === end) continue;
      if (spans[span + 2] === end) {
        if (valueEnd !== valueStart) return false;
      } else if (valueStart !== spans[span + 2] || !isBlank(bytes, end, valueEnd)) return false;
    }
    return true;
  }

  #isSameFraming(parser: number, head: Head): boolean {
    const flags = this.#memory.getUint16(parser + llhttpFields.flags, true);
    const hasLength = (flags & llhttpFlags.contentLength) !== 0;
    const hasEncoding = (flags & llhttpFlags.transferEncoding) !== 0;
    const isChunked = (flags & llhttpFlags.chunked) !== 0;
    return (
      this.#memory.getUint8(parser + llhttpFields.minorVersion) === head.minorVersion &&
      hasLength === head.contentLength >= 0 &&
      hasEncoding === head.has(known.transferEncoding) &&
      isChunked === hasEncoding &&
      (!hasLength || this.#contentLength(parser) === head.contentLength)
    );
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

/** bytes[start, end), which is nothing but white space; false also if it ends before it begins. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let next = start; next < end; next += 1) {
    if (bytes[next] !== space && bytes[next] !== tab) return false;
  }
  return start <= end;
}

const probes = [
  'POST / HTTP/1.0\r\nhost: a\r\ncontent-length: 819855292164869\r\n\r\n',
  'POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n',
];
