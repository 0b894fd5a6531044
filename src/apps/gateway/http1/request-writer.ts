import type { FixedLines, FixedValue } from './fixed-lines.ts';
import { framing, type RequestHead } from './head.ts';
import { writeForwardedLines } from './header-copy.ts';
import { bitsOf, known } from './known-headers.ts';
import { method } from './methods.ts';
import type { OctetWriter } from './octet-writer.ts';
import { slash } from './octets.ts';

/** What the gateway adds to a request. One object per thread or connection will do, filled again for each request. */
export interface RequestAdditions {
  /** Of the caller, as it is to stand in X-Forwarded-For: once per connection. */
  callerAddress: FixedValue;
  /** `http` or `https`. */
  scheme: FixedValue;
  /** 55 octets (W3C Trace Context section 3.2) that replace what the caller sent; null: that goes on as it is. */
  traceparent: Buffer | null;
  /** Lines of the table or the route, such as Via. */
  lines: FixedLines | null;
  /** Pass on Upgrade; only if the head's `wantsTunnel`. */
  isTunnel: boolean;
  /** Tell the instance that trailers go through to the caller; only if the head's `acceptsTrailers`. */
  takesTrailers: boolean;
  /** Ask the instance whether it takes the body; only if the head's `expectsContinue`, and nothing of the body is here. */
  expectsContinue: boolean;
}

const writtenAnew = bitsOf(
  known.host,
  known.contentLength,
  known.expect,
  known.forwardedFor,
  known.forwardedHost,
  known.forwardedProto,
);
const writtenAnewWithTrace = writtenAnew | bitsOf(known.traceparent);

const versionAndHost = text(' HTTP/1.1\r\nhost: ');
const forwardedFor = text('x-forwarded-for: ');
const forwardedProto = text('\r\nx-forwarded-proto: ');
const forwardedHost = text('\r\nx-forwarded-host: ');
const traceparent = text('traceparent: ');
const contentLength = text('content-length: ');
const chunkedEncoding = text('transfer-encoding: chunked\r\n');
const upgradeOption = text('connection: upgrade\r\n');
const upgradeName = text('upgrade: ');
const trailersWanted = text('connection: te\r\nte: trailers\r\n');
const continueExpected = text('expect: 100-continue\r\n');
const comma = text(', ');
const asterisk = 0x2a;

/** More than all names and separators that a head is given have octets. */
const ownBytes = 384;

/** Octets that `writeRequestHead` needs at most. */
export function requestHeadBytesMax(head: RequestHead, additions: RequestAdditions): number {
  const { callerAddress, scheme, lines } = additions;
  const added = callerAddress.bytes.length + scheme.bytes.length + (lines?.bytes.length ?? 0);
  const authority = head.authorityEnd - head.authorityStart;
  // Each line may grow by a space, each X-Forwarded-For by its comma.
  return head.end - head.start + 3 * head.count + 2 * authority + added + ownBytes;
}

/**
 * Writes the head that the instance gets. Nothing of the caller's is in it but octets that the parser matched: method,
 * path, authority, names and values; every separator and all of the framing is new.
 *
 * - W1. Exactly one Host, and one Content-Length or Transfer-Encoding as the body is read, or neither.
 * - W2. Nothing hop-by-hop, nothing named by Connection.
 * - W3. No octet of a name, value or addition can end a line (parser, `FixedLines`).
 */
export function writeRequestHead(
  writer: OctetWriter,
  head: RequestHead,
  additions: RequestAdditions,
): void {
  writer.need(requestHeadBytesMax(head, additions));
  const { bytes } = head;
  writer.span(bytes, head.start, head.methodEnd);
  writer.octet(0x20);
  writePath(writer, head);
  writer.octets(versionAndHost);
  writer.span(bytes, head.authorityStart, head.authorityEnd);
  writer.crLf();
  const trace = additions.traceparent;
  writeForwardedLines(writer, head, trace === null ? writtenAnew : writtenAnewWithTrace);
  writeForwarded(writer, head, additions);
  if (trace !== null) writeTrace(writer, trace);
  if (additions.lines !== null) writer.octets(additions.lines.bytes);
  if (head.framing === framing.chunked) writer.octets(chunkedEncoding);
  else if (head.framing === framing.length) {
    writer.octets(contentLength);
    writer.decimal(head.contentLength);
    writer.crLf();
  }
  if (additions.expectsContinue && head.expectsContinue) writer.octets(continueExpected);
  if (additions.isTunnel && head.wantsTunnel) writeUpgrade(writer, head);
  else if (additions.takesTrailers && head.acceptsTrailers) writer.octets(trailersWanted);
  writer.crLf();
}

/** A target without a path is `/`, or `*` when OPTIONS asks for the server itself (RFC 9112 section 3.2.4). */
function writePath(writer: OctetWriter, head: RequestHead): void {
  const { bytes, pathStart, pathEnd } = head;
  if (pathStart === pathEnd) writer.octet(head.method === method.options ? asterisk : slash);
  writer.span(bytes, pathStart, pathEnd);
}

function writeForwarded(writer: OctetWriter, head: RequestHead, additions: RequestAdditions): void {
  const { bytes, spans } = head;
  writer.octets(forwardedFor);
  if (head.has(known.forwardedFor)) {
    for (let index = head.indexOf(known.forwardedFor); index < head.count; index += 1) {
      if (head.ids[index] !== known.forwardedFor || head.isHop[index] !== 0) continue;
      const start = spans[4 * index + 2] as number;
      const end = spans[4 * index + 3] as number;
      if (start === end) continue;
      writer.span(bytes, start, end);
      writer.octets(comma);
    }
  }
  writer.octets(additions.callerAddress.bytes);
  writer.octets(forwardedProto);
  writer.octets(additions.scheme.bytes);
  writer.octets(forwardedHost);
  writer.span(bytes, head.authorityStart, head.authorityEnd);
  writer.crLf();
}

const traceparentBytes = 55;

function writeTrace(writer: OctetWriter, trace: Buffer): void {
  if (trace.length !== traceparentBytes)
    throw new RangeError('cannot write a traceparent that has not 55 octets');
  for (let index = 0; index < traceparentBytes; index += 1) {
    const octet = trace[index] as number;
    const isFit =
      (octet >= 0x30 && octet <= 0x39) || (octet >= 0x61 && octet <= 0x66) || octet === 0x2d;
    if (!isFit)
      throw new RangeError(`cannot write a traceparent with the octet ${octet} at ${index}`);
  }
  writer.octets(traceparent);
  writer.octets(trace);
  writer.crLf();
}

function writeUpgrade(writer: OctetWriter, head: RequestHead): void {
  writer.octets(upgradeOption);
  writeUpgradeLines(writer, head);
}

/** The Upgrade headers of either head, for a connection that becomes a tunnel. */
export function writeUpgradeLines(
  writer: OctetWriter,
  head: Pick<RequestHead, 'bytes' | 'spans' | 'ids' | 'count'>,
): void {
  for (let index = 0; index < head.count; index += 1) {
    if (head.ids[index] !== known.upgrade) continue;
    writer.octets(upgradeName);
    writer.span(
      head.bytes,
      head.spans[4 * index + 2] as number,
      head.spans[4 * index + 3] as number,
    );
    writer.crLf();
  }
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}
