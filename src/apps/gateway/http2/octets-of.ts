import { chunkEnd } from '../http1/chunk-writer.ts';

/**
 * Text that goes into a head: the octets of field names, values and targets as HTTP/2 gives them. Whether it may stand there
 * is for the parsers to say, but none of it may end a line or become two octets.
 */
export function isOneLine(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0xff || code === 0x0d || code === 0x0a || code === 0) return false;
  }
  return true;
}

/** `data` as one chunk (RFC 9112 section 7.1); it has an octet at least. */
export function chunkOf(data: Buffer): Buffer {
  const head = Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1');
  return Buffer.concat([head, data, chunkEnd]);
}

/** The end of a chunked body. Trailers that could not stand on one line are refused with null. */
export function lastChunkOf(trailers: readonly string[]): Buffer | null {
  let text = '0\r\n';
  for (let index = 0; index < trailers.length; index += 2) {
    const name = trailers[index] ?? '';
    const value = trailers[index + 1] ?? '';
    if (!isOneLine(name) || !isOneLine(value)) return null;
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}
