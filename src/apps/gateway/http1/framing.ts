import { framing, type Head, type RequestHead, type ResponseHead } from './head.ts';
import { known } from './known-headers.ts';
import { method } from './methods.ts';
import { cr, equalsIgnoringCase, octetAt, space } from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';

const chunked = Buffer.from('chunked', 'latin1');
const continue100 = Buffer.from('100-continue', 'latin1');
/** 15 digits are below 2^53, so a length is exact as a number; 10^15 bytes are a petabyte. */
const lengthDigitsMax = 15;

/**
 * How the body of a request is told: RFC 9112 section 6.3, items 3 to 7, and every doubt is refused. So is a body where
 * servers of HTTP/1.0 expect none: what they leave unread is the next request to them (RFC 9110 section 9.3.1).
 */
export function requestFramingFault(head: RequestHead): HttpRefusal | null {
  const fault = framingFault(head);
  if (fault !== null || head.minorVersion === 1 || head.contentLength <= 0) return fault;
  return bodyless.has(head.method) ? refusals['body-old-version'] : null;
}

const bodyless: ReadonlySet<number> = new Set([method.get, method.head, method.delete]);

/**
 * How the body of an answer is told. An answer to HEAD, and any 1xx, 204 and 304, has none (items 1 and 2); one without
 * length and encoding ends with the connection (item 8).
 */
export function responseFramingFault(head: ResponseHead): HttpRefusal | null {
  const { status } = head;
  const fault = framingFault(head);
  if (fault !== null) return fault;
  const isEmpty = head.answersHead || status < 200 || status === 204 || status === 304;
  if (!isEmpty) {
    if (head.framing === framing.none) head.framing = framing.untilClose;
    return null;
  }
  // Section 6.1 and RFC 9110 section 8.6: never with 1xx and 204. Who sends one may send a body too, which the next
  // answer would begin with; llhttp waits for it after 1xx. Content-Length with 204 is common enough to be let be.
  const isFramed =
    head.framing === framing.chunked || (head.framing === framing.length && status < 200);
  if (isFramed && (status < 200 || status === 204)) return refusals['framing-without-body'];
  head.framing = framing.none;
  return null;
}

function framingFault(head: Head): HttpRefusal | null {
  const hasLength = head.has(known.contentLength);
  if (!head.has(known.transferEncoding)) return hasLength ? lengthFault(head) : null;
  if (hasLength) return refusals['length-beside-encoding'];
  if (head.minorVersion === 0) return refusals['encoding-old-version'];
  if ((head.repeated & (1 << known.transferEncoding)) !== 0) return refusals['encoding-repeated'];
  head.framing = framing.chunked;
  const index = head.indexOf(known.transferEncoding);
  const start = head.spans[4 * index + 2] ?? 0;
  const end = head.spans[4 * index + 3] ?? 0;
  // White space behind it is legal, and has hidden it from others before; llhttp refuses the tab.
  if (equalsIgnoringCase(head.bytes, start, end, chunked) && head.bytes[end] === cr) return null;
  return refusals[
    endsInChunked(head.bytes, start, end) ? 'encoding-not-served' : 'encoding-malformed'
  ];
}

/** Whether it is a list whose last coding, and no other, is `chunked`: well made, but not what is served here. */
function endsInChunked(bytes: Buffer, start: number, end: number): boolean {
  const codings = bytes.toString('latin1', start, end).toLowerCase().split(',');
  const names = codings.map((coding) => coding.trim());
  return names.length > 1 && names.indexOf('chunked') === names.length - 1;
}

function lengthFault(head: Head): HttpRefusal | null {
  if ((head.repeated & (1 << known.contentLength)) !== 0) return refusals['length-repeated'];
  const index = head.indexOf(known.contentLength);
  const start = head.spans[4 * index + 2] ?? 0;
  const end = head.spans[4 * index + 3] ?? 0;
  if (end === start || end - start > lengthDigitsMax) return refusals['length-malformed'];
  let length = 0;
  for (let next = start; next < end; next += 1) {
    const digit = octetAt(head.bytes, next) - 0x30;
    if (digit < 0 || digit > 9) return refusals['length-malformed'];
    length = length * 10 + digit;
  }
  // A tab behind it is legal too, but llhttp refuses it, and what one parser stumbles over is not needed.
  for (let next = end; head.bytes[next] !== cr; next += 1) {
    if (head.bytes[next] !== space) return refusals['length-malformed'];
  }
  head.contentLength = length;
  head.framing = framing.length;
  return null;
}

/** RFC 9110 section 10.1.1: HTTP/1.0 callers do not wait, and what we do not know we do not promise. */
export function expectationFault(head: RequestHead): HttpRefusal | null {
  head.expectsContinue = false;
  if (!head.has(known.expect)) return null;
  const index = head.indexOf(known.expect);
  const start = head.spans[4 * index + 2] ?? 0;
  const end = head.spans[4 * index + 3] ?? 0;
  const isRepeated = (head.repeated & (1 << known.expect)) !== 0;
  if (isRepeated || !equalsIgnoringCase(head.bytes, start, end, continue100)) {
    return refusals['expectation-unknown'];
  }
  head.expectsContinue = head.minorVersion === 1;
  return null;
}
