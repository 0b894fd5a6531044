import type { Head } from './head.ts';
import { writeForwardedLines } from './header-copy.ts';
import type { OctetWriter } from './octet-writer.ts';

/** Octets that a chunk of up to 4 GiB has before its data at most: eight digits and CR LF. */
export const chunkHeadBytesMax = 10;
export const chunkEnd = Buffer.from('\r\n', 'latin1');
/** The end of a chunked body without trailers. */
export const lastChunk = Buffer.from('0\r\n\r\n', 'latin1');

const digits = Buffer.from('0123456789abcdef', 'latin1');

/** The size line of a chunk. `sizeBytes` is 1 or more: 0 would end the body. */
export function writeChunkHead(writer: OctetWriter, sizeBytes: number): void {
  if (!(sizeBytes >= 1 && sizeBytes <= 0xffff_ffff)) {
    throw new RangeError(`cannot write a chunk of ${sizeBytes} bytes: it must have 1 to 2^32 - 1`);
  }
  writer.need(chunkHeadBytesMax);
  for (let shift = (31 - Math.clz32(sizeBytes)) & ~3; shift >= 0; shift -= 4) {
    writer.octet(digits[(sizeBytes >>> shift) & 15] as number);
  }
  writer.crLf();
}

/** The end of a chunked body with those of the trailers that may be passed on. */
export function writeLastChunk(writer: OctetWriter, trailers: Head): void {
  writer.need(lastChunk.length + trailers.end - trailers.start + 2 * trailers.count);
  writer.octet(0x30);
  writer.crLf();
  writeForwardedLines(writer, trailers, 0);
  writer.crLf();
}
