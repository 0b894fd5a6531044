import type { Head } from './head.ts';
import type { OctetWriter } from './octet-writer.ts';
import { colon, cr, space } from './octets.ts';

/**
 * Writes the header lines that are passed on: all but those in `isHop` and those whose number has its bit in
 * `skipBits`. Each becomes `name: value CR LF`. Lines that lie beside each other and are written like this already are
 * copied in one piece: their octets are the very ones the parser matched.
 */
export function writeForwardedLines(writer: OctetWriter, head: Head, skipBits: number): void {
  const { bytes, spans, ids, isHop, count } = head;
  let runStart = 0;
  let runEnd = 0;
  for (let index = 0; index < count; index += 1) {
    if (isHop[index] !== 0 || ((skipBits >>> (ids[index] as number)) & 1) !== 0) continue;
    const nameStart = spans[4 * index] as number;
    const nameEnd = spans[4 * index + 1] as number;
    const valueStart = spans[4 * index + 2] as number;
    const valueEnd = spans[4 * index + 3] as number;
    if (nameStart !== runEnd) {
      if (runEnd > runStart) writer.span(bytes, runStart, runEnd);
      runStart = nameStart;
      runEnd = nameStart;
    }
    const isPlain =
      valueStart === nameEnd + 2 && bytes[nameEnd + 1] === space && bytes[valueEnd] === cr;
    if (isPlain) {
      runEnd = valueEnd + 2;
      continue;
    }
    if (runEnd > runStart) writer.span(bytes, runStart, runEnd);
    runStart = runEnd;
    writer.span(bytes, nameStart, nameEnd);
    writer.octet(colon);
    writer.octet(space);
    writer.span(bytes, valueStart, valueEnd);
    writer.crLf();
  }
  if (runEnd > runStart) writer.span(bytes, runStart, runEnd);
}
