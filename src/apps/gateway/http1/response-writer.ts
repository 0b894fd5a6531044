import type { FixedLines } from './fixed-lines.ts';
import { framing, type Framing, type ResponseHead } from './head.ts';
import { writeForwardedLines } from './header-copy.ts';
import { bitsOf, known } from './known-headers.ts';
import type { OctetWriter } from './octet-writer.ts';
import { writeUpgradeLines } from './request-writer.ts';

/** What the gateway makes of an answer. One object per thread or connection will do, filled again for each answer. */
export interface ResponseAdditions {
  /** 0 or 1, of the request: it is what the caller understands. */
  callerMinorVersion: number;
  /** Whether the caller's connection carries another request; never after a body that ends with the connection. */
  keepAlive: boolean;
  /** Such as which revision answered; made once per revision. */
  lines: FixedLines | null;
  /** The connection becomes a tunnel: the answer is 101 and has Upgrade. */
  isTunnel: boolean;
}

/** Length and what only this gateway says; callers must not take an instance's word for it. */
const writtenAnew = bitsOf(known.contentLength, known.revision, known.reason);

const versionAndSpace = text('HTTP/1.1 ');
const contentLength = text('content-length: ');
const chunkedEncoding = text('transfer-encoding: chunked\r\n');
const closeOption = text('connection: close\r\n');
const keepAliveOption = text('connection: keep-alive\r\n');
const upgradeOption = text('connection: upgrade\r\n');

const ownBytes = 128;

/** How the caller is told the length: a body of unknown length is chunked, or ends with an HTTP/1.0 connection. */
export function answerFraming(head: ResponseHead, callerMinorVersion: number): Framing {
  if (head.framing === framing.none || head.framing === framing.length) return head.framing;
  return callerMinorVersion === 1 ? framing.chunked : framing.untilClose;
}

/** Octets that `writeResponseHead` needs at most. */
export function responseHeadBytesMax(head: ResponseHead, additions: ResponseAdditions): number {
  return head.end - head.start + 2 * head.count + (additions.lines?.bytes.length ?? 0) + ownBytes;
}

/** Writes the head that the caller gets, by W1, W2 and W3 of request-writer.ts. */
export function writeResponseHead(
  writer: OctetWriter,
  head: ResponseHead,
  additions: ResponseAdditions,
): void {
  writer.need(responseHeadBytesMax(head, additions));
  const { bytes, status } = head;
  writer.octets(versionAndSpace);
  writer.decimal(status);
  writer.octet(0x20);
  writer.span(bytes, head.reasonStart, head.reasonEnd);
  writer.crLf();
  writeForwardedLines(writer, head, writtenAnew);
  if (additions.lines !== null) writer.octets(additions.lines.bytes);
  if (additions.isTunnel && status === 101) {
    writer.octets(upgradeOption);
    writeUpgradeLines(writer, head);
  } else if (status >= 200) writeFraming(writer, head, additions);
  writer.crLf();
}

/** An answer to HEAD and a 304 tell the length that a body would have; 204 never does (RFC 9110 section 8.6). */
function writeFraming(writer: OctetWriter, head: ResponseHead, additions: ResponseAdditions): void {
  const { callerMinorVersion } = additions;
  const wanted = answerFraming(head, callerMinorVersion);
  if (wanted === framing.chunked) writer.octets(chunkedEncoding);
  else if (head.contentLength >= 0 && head.status !== 204) {
    writer.octets(contentLength);
    writer.decimal(head.contentLength);
    writer.crLf();
  }
  const stays = additions.keepAlive && wanted !== framing.untilClose;
  if (!stays) writer.octets(closeOption);
  else if (callerMinorVersion === 0) writer.octets(keepAliveOption);
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}
