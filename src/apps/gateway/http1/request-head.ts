import { destinationFault } from './destination.ts';
import { parseFieldLines } from './field-lines.ts';
import { expectationFault, requestFramingFault } from './framing.ts';
import { connectionFault, isListed } from './connection-options.ts';
import { framing, incomplete, refused, type RequestHead } from './head.ts';
import { known } from './known-headers.ts';
import { method, notServed, servedMethod } from './methods.ts';
import { cr, lf, octetAt, space, targetOctet, tokenOctet } from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';

/**
 * The head of one request, strictly by RFC 9112 and RFC 9110; where they allow leniency there is none, but for one
 * empty line before the request (section 2.2).
 *
 * - H1. What is refused once stays refused whatever follows: octets are judged from left to right, and how they were
 *   cut into pieces changes nothing.
 * - H2. An accepted head has one reading: every octet of it was matched by the grammar of RFC 9112 section 2.1.
 * - H3. At most `headBytesMax` octets are looked at.
 *
 * Parses bytes[at, end) into `head`; returns the offset of what follows the head, `incomplete` or `refused`.
 */
export function parseRequestHead(
  head: RequestHead,
  bytes: Buffer,
  at: number,
  end: number,
): number {
  head.begin(bytes);
  const { headBytesMax } = head.limits;
  const bound = Math.min(end, at + headBytesMax);
  const start = behindEmptyLine(bytes, at, bound);
  head.start = start;
  const lineEnd = start < 0 ? head.refuse(refusals['line-ending']) : requestLine(head, bound);
  const next = lineEnd > 0 ? parseFieldLines(head, lineEnd, bound) : lineEnd;
  if (next === incomplete && end - at >= headBytesMax)
    return head.refuse(refusals['head-too-long']);
  if (next <= 0) return next;
  head.end = next;
  const fault = headFault(head);
  return fault === null ? next : head.refuse(fault);
}

/** At most one empty line is skipped. Negative: a CR that no LF follows. */
function behindEmptyLine(bytes: Buffer, at: number, end: number): number {
  if (octetAt(bytes, at) !== cr || at >= end) return at;
  if (at + 1 >= end) return end;
  return bytes[at + 1] === lf ? at + 2 : refused;
}

/** `method SP target SP HTTP/1.x CR LF`. The offset behind it. */
function requestLine(head: RequestHead, end: number): number {
  const { bytes, start } = head;
  let next = start;
  while (next < end && tokenOctet[bytes[next] as number] !== 0) next += 1;
  if (next === end) return incomplete;
  if (bytes[next] !== space || next === start)
    return head.refuse(methodFault(octetAt(bytes, next)));
  head.methodEnd = next;
  next += 1;
  const targetStart = next;
  const targetBound = Math.min(end, targetStart + head.limits.targetBytesMax + 1);
  while (next < targetBound && targetOctet[bytes[next] as number] !== 0) next += 1;
  if (next - targetStart > head.limits.targetBytesMax)
    return head.refuse(refusals['target-too-long']);
  if (next === end) return incomplete;
  if (bytes[next] !== space)
    return head.refuse(targetFault(octetAt(bytes, next), next === targetStart));
  if (next === targetStart) return head.refuse(refusals['target-malformed']);
  head.targetStart = targetStart;
  head.targetEnd = next;
  return version(head, next + 1, end);
}

function methodFault(octet: number): HttpRefusal {
  return octet === lf || octet === cr ? refusals['line-ending'] : refusals['method-malformed'];
}

function targetFault(octet: number, isEmpty: boolean): HttpRefusal {
  // The line ends where the target does: HTTP/0.9.
  if (octet === cr && !isEmpty) return refusals['version-malformed'];
  return octet === lf || octet === cr ? refusals['line-ending'] : refusals['target-malformed'];
}

const versionPrefix = Buffer.from('HTTP/', 'latin1');

/** `HTTP/d.d CR LF`, judged octet by octet so that nonsense is refused before its line ends. */
function version(head: RequestHead, at: number, end: number): number {
  const { bytes } = head;
  for (let index = 0; index < 10; index += 1) {
    if (at + index >= end) return incomplete;
    const octet = bytes[at + index] as number;
    if (octet === lf && index !== 9) return head.refuse(refusals['line-ending']);
    if (!isVersionOctet(octet, index)) {
      return head.refuse(refusals[index === 9 ? 'line-ending' : 'version-malformed']);
    }
  }
  const major = octetAt(bytes, at + 5) - 0x30;
  const minor = octetAt(bytes, at + 7) - 0x30;
  if (major !== 1 || minor > 1) return head.refuse(refusals['version-not-served']);
  head.minorVersion = minor;
  head.method = servedMethod(bytes, head.start, head.methodEnd);
  if (head.method === notServed) return head.refuse(refusals['method-not-served']);
  return at + 10;
}

function isVersionOctet(octet: number, index: number): boolean {
  if (index < 5) return octet === versionPrefix[index];
  if (index === 6) return octet === 0x2e;
  if (index >= 8) return octet === (index === 8 ? cr : lf);
  return octet >= 0x30 && octet <= 0x39;
}

/** What can only be said when all headers are there. */
function headFault(head: RequestHead): HttpRefusal | null {
  const fault =
    destinationFault(head) ??
    requestFramingFault(head) ??
    connectionFault(head, 'request') ??
    expectationFault(head);
  if (fault !== null) return fault;
  const hasNoBody =
    head.framing === framing.none || (head.framing === framing.length && head.contentLength === 0);
  head.wantsTunnel =
    head.has(known.upgrade) &&
    head.hasUpgradeOption &&
    head.minorVersion === 1 &&
    head.method === method.get &&
    hasNoBody &&
    !isListed(head, known.upgrade, h2c);
  head.acceptsTrailers = head.has(known.te) && isListed(head, known.te, trailers);
  return null;
}

const h2c = Buffer.from('h2c', 'latin1');
const trailers = Buffer.from('trailers', 'latin1');
