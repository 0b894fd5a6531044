import { type RequestHead, targetForm } from './head.ts';
import { known } from './known-headers.ts';
import { method } from './methods.ts';
import {
  addressOctet,
  colon,
  equalsIgnoringCase,
  hostOctet,
  octetAt,
  question,
  slash,
  tokenOctet,
} from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';

const httpPrefix = Buffer.from('http://', 'latin1');
const asterisk = 0x2a;

/**
 * Fills in what the request is for: authority and path (RFC 9112 section 3.2). A Host that differs from the authority
 * of an absolute target is refused: callers must make them the same, and who stands before us may have looked at either. Section
 * 3.2.2 would have a proxy ignore Host there; refusing is stricter (docs/guides/resilience.md).
 */
export function destinationFault(head: RequestHead): HttpRefusal | null {
  if ((head.repeated & (1 << known.host)) !== 0) return refusals['host-repeated'];
  const index = head.indexOf(known.host);
  // HTTP/1.0 knows no Host, but without one there is no service to choose.
  if (index < 0) return refusals['host-missing'];
  const { bytes, spans } = head;
  const hostStart = spans[4 * index + 2] ?? 0;
  const hostEnd = spans[4 * index + 3] ?? 0;
  if (!isAuthority(bytes, hostStart, hostEnd)) return refusals['host-malformed'];
  head.authorityStart = hostStart;
  head.authorityEnd = hostEnd;
  const first = octetAt(bytes, head.targetStart);
  if (first === slash) {
    head.targetForm = targetForm.origin;
    head.pathStart = head.targetStart;
    head.pathEnd = head.targetEnd;
    return null;
  }
  if (first === asterisk && head.targetEnd - head.targetStart === 1) {
    if (head.method !== method.options) return refusals['target-form'];
    head.targetForm = targetForm.asterisk;
    head.pathStart = head.targetStart;
    head.pathEnd = head.targetEnd;
    return null;
  }
  const fault = absoluteFault(head);
  return fault ?? hostFault(head, hostStart, hostEnd);
}

function absoluteFault(head: RequestHead): HttpRefusal | null {
  const { bytes, targetStart, targetEnd } = head;
  const start = targetStart + httpPrefix.length;
  if (start > targetEnd || !startsWithHttp(bytes, targetStart)) return refusals['target-form'];
  let end = start;
  while (end < targetEnd && bytes[end] !== slash && bytes[end] !== question) end += 1;
  // RFC 3986 allows a query without a path; HAProxy refuses it, and nobody sends it.
  if (bytes[end] === question && end < targetEnd) return refusals['target-form'];
  if (!isAuthority(bytes, start, end)) return refusals['host-malformed'];
  head.targetForm = targetForm.absolute;
  head.authorityStart = start;
  head.authorityEnd = end;
  head.pathStart = end;
  head.pathEnd = targetEnd;
  return null;
}

function startsWithHttp(bytes: Buffer, at: number): boolean {
  return equalsIgnoringCase(bytes, at, at + httpPrefix.length, httpPrefix);
}

/** Compared with the authority in the target, octet by octet but for the case of letters. */
function hostFault(head: RequestHead, start: number, end: number): HttpRefusal | null {
  const { bytes, authorityStart, authorityEnd } = head;
  if (end - start !== authorityEnd - authorityStart) return refusals['host-differs'];
  for (let index = 0; index < end - start; index += 1) {
    const one = octetAt(bytes, start + index);
    const other = octetAt(bytes, authorityStart + index);
    if (one !== other && (tokenOctet[one] || one) !== (tokenOctet[other] || other)) {
      return refusals['host-differs'];
    }
  }
  return null;
}

const authorityBytesMax = 261;

/** A name or an address, then maybe a port of one to five digits (RFC 3986 section 3.2, names as DNS has them). */
function isAuthority(bytes: Buffer, start: number, end: number): boolean {
  if (end <= start || end - start > authorityBytesMax) return false;
  let next = start;
  if (bytes[start] === 0x5b) {
    next += 1;
    while (next < end && addressOctet[bytes[next] as number] !== 0) next += 1;
    if (next === start + 1 || octetAt(bytes, next) !== 0x5d || next >= end) return false;
    next += 1;
  } else {
    while (next < end && hostOctet[bytes[next] as number] !== 0) next += 1;
    if (next === start) return false;
  }
  return next === end || isPort(bytes, next, end);
}

function isPort(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== colon || end - start < 2 || end - start > 6) return false;
  let port = 0;
  for (let next = start + 1; next < end; next += 1) {
    const digit = octetAt(bytes, next) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}
