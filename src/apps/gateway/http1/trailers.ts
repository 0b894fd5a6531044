import { parseFieldLines } from './field-lines.ts';
import { Head, type HeadLimits, incomplete } from './head.ts';
import { bitsOf, known } from './known-headers.ts';
import { refusals } from './refusals.ts';

const trailerLimits: HeadLimits = { headBytesMax: 8192, headersMax: 32, targetBytesMax: 0 };

/** For the trailers of all bodies of a worker: it is filled when the end of a body is read, and used at once. */
export function trailersHead(): Head {
  return new Head(trailerLimits);
}

/**
 * Trailer fields up to the empty line that ends a chunked body (RFC 9112 section 7.1.2). What must not come behind a
 * body is marked in `isHop` and goes no further.
 */
export function parseTrailers(head: Head, bytes: Buffer, at: number, end: number): number {
  head.begin(bytes);
  head.start = at;
  const { headBytesMax } = head.limits;
  const next = parseFieldLines(head, at, Math.min(end, at + headBytesMax));
  const isTooLong = next === incomplete && end - at >= headBytesMax;
  if (isTooLong || head.refusal?.code === 'too-many-headers') {
    return head.refuse(refusals['trailers-too-long']);
  }
  if (next <= 0) return next;
  head.end = next;
  // They mean nothing here, but others take them for true: llhttp ends the connection after Connection: close.
  // Two Hosts are refused by HAProxy even here.
  const isOdd = (head.seen & framingBits) !== 0 || (head.repeated & bitsOf(known.host)) !== 0;
  if (isOdd) return head.refuse(refusals['trailer-frames']);
  for (let index = 0; index < head.count; index += 1) {
    head.isHop[index] = Number(isForbidden(head.name(index).toLowerCase()));
  }
  return next;
}

/**
 * Framing, routing, conditions, authentication, control and content (RFC 9110 section 6.5.1), and what this gateway
 * vouches for.
 */
function isForbidden(name: string): boolean {
  return forbidden.has(name) || /^(?:if-|x-forwarded-|x-tidegate-|proxy-|content-|sec-)/.test(name);
}

const framingBits = bitsOf(
  known.contentLength,
  known.transferEncoding,
  known.connection,
  known.proxyConnection,
  known.upgrade,
);

const forbidden = new Set(
  (
    'host keep-alive te trailer via forwarded authorization www-authenticate ' +
    'cookie set-cookie set-cookie2 cache-control expect max-forwards pragma range age expires date location ' +
    'retry-after vary warning traceparent tracestate http2-settings strict-transport-security x-real-ip'
  ).split(' '),
);
