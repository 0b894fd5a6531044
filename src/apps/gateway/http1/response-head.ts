import { connectionFault } from './connection-options.ts';
import { parseFieldLines } from './field-lines.ts';
import { responseFramingFault } from './framing.ts';
import { framing, incomplete, type ResponseHead } from './head.ts';
import { cr, lf, octetAt, space, valueOctet } from './octets.ts';
import { refusals } from './refusals.ts';

const prefix = Buffer.from('HTTP/1.', 'latin1');
/** `HTTP/1.x SP ddd`. */
const fixedBytes = 12;

/**
 * The head of one answer, with the rules of request-head.ts. `head.answersHead` says whether the request was HEAD. A
 * reason may be missing with its space, as many servers have it (RFC 9112 section 4 lets clients take that).
 */
export function parseResponseHead(
  head: ResponseHead,
  bytes: Buffer,
  at: number,
  end: number,
): number {
  head.begin(bytes);
  head.start = at;
  const { headBytesMax } = head.limits;
  const bound = Math.min(end, at + headBytesMax);
  const lineEnd = statusLine(head, at, bound);
  const next = lineEnd > 0 ? parseFieldLines(head, lineEnd, bound) : lineEnd;
  if (next === incomplete && end - at >= headBytesMax)
    return head.refuse(refusals['head-too-long']);
  if (next <= 0) return next;
  head.end = next;
  const fault = responseFramingFault(head) ?? connectionFault(head, 'response');
  if (fault !== null) return head.refuse(fault);
  if (head.framing === framing.untilClose) head.keepAlive = false;
  return next;
}

function statusLine(head: ResponseHead, at: number, end: number): number {
  const { bytes } = head;
  const fixedEnd = at + fixedBytes;
  for (let next = at; next < fixedEnd; next += 1) {
    if (next >= end) return incomplete;
    if (!isFixedOctet(bytes[next] as number, next - at))
      return head.refuse(refusals['status-malformed']);
  }
  head.minorVersion = octetAt(bytes, at + 7) - 0x30;
  const status =
    octetAt(bytes, at + 9) * 100 +
    octetAt(bytes, at + 10) * 10 +
    octetAt(bytes, at + 11) -
    0x30 * 111;
  if (status < 100) return head.refuse(refusals['status-malformed']);
  head.status = status;
  let next = fixedEnd;
  if (next === end) return incomplete;
  if (bytes[next] === space) next += 1;
  else if (bytes[next] !== cr) return head.refuse(refusals['status-malformed']);
  head.reasonStart = next;
  while (next < end && valueOctet[bytes[next] as number] !== 0) next += 1;
  head.reasonEnd = next;
  if (next === end) return incomplete;
  if (bytes[next] !== cr) {
    return head.refuse(refusals[bytes[next] === lf ? 'line-ending' : 'status-malformed']);
  }
  if (next + 1 === end) return incomplete;
  return bytes[next + 1] === lf ? next + 2 : head.refuse(refusals['line-ending']);
}

function isFixedOctet(octet: number, index: number): boolean {
  if (index < 7) return octet === prefix[index];
  if (index === 7) return octet === 0x30 || octet === 0x31;
  if (index === 8) return octet === space;
  return octet >= 0x30 && octet <= 0x39;
}
