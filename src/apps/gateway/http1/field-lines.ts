import { type Head, incomplete } from './head.ts';
import { known, knownHeader, lookAlike } from './known-headers.ts';
import { colon, cr, lf, space, tab, tokenOctet, valueOctet } from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';

/** No name in use has 50; others count a name's length in one octet, and have lost it that way (CVE-2021-40346). */
const nameBytesMax = 255;

/**
 * Reads header lines from `at` to the empty line, and fills the table of `head` with them. Returns the offset behind
 * the empty line, `incomplete` or `refused`. One pass over the octets; `end` is where the bytes end, or the limit.
 */
export function parseFieldLines(head: Head, at: number, end: number): number {
  const { bytes, spans, ids, isHop } = head;
  // Imported tables are looked up anew each time they are named; as local names they are not.
  const tokens = tokenOctet;
  const values = valueOctet;
  const { headersMax } = head.limits;
  let index = 0;
  let next = at;
  for (;;) {
    if (next >= end) return incomplete;
    const nameStart = next;
    while (next < end && tokens[bytes[next] as number] !== 0) next += 1;
    if (next === end) return incomplete;
    const behindName = bytes[next] as number;
    if (behindName !== colon || next === nameStart) {
      if (behindName === cr && next === nameStart) {
        head.count = index;
        return emptyLine(head, next, end);
      }
      return head.refuse(nameFault(behindName, next === nameStart));
    }
    const nameEnd = next;
    if (nameEnd - nameStart > nameBytesMax) return head.refuse(refusals['field-name-too-long']);
    next += 1;
    while (next < end && isBlank(bytes[next] as number)) next += 1;
    const valueStart = next;
    while (next < end && values[bytes[next] as number] !== 0) next += 1;
    if (next === end) return incomplete;
    if (bytes[next] !== cr) return head.refuse(valueFault(bytes[next] as number));
    if (next + 1 === end) return incomplete;
    if (bytes[next + 1] !== lf) return head.refuse(refusals['line-ending']);
    let valueEnd = next;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] as number)) valueEnd -= 1;
    next += 2;
    if (index === headersMax) return head.refuse(refusals['too-many-headers']);
    const id = knownHeader(bytes, nameStart, nameEnd);
    if (id > known.other) note(head, id, index);
    ids[index] = id > known.other ? id : known.other;
    isHop[index] = id === lookAlike ? 1 : 0;
    spans[4 * index] = nameStart;
    spans[4 * index + 1] = nameEnd;
    spans[4 * index + 2] = valueStart;
    spans[4 * index + 3] = valueEnd;
    index += 1;
  }
}

function note(head: Head, id: number, index: number): void {
  const bit = 1 << id;
  if ((head.seen & bit) === 0) head.firsts[id] = index;
  else head.repeated |= bit;
  head.seen |= bit;
}

function isBlank(octet: number): boolean {
  return octet === space || octet === tab;
}

function emptyLine(head: Head, at: number, end: number): number {
  if (at + 1 === end) return incomplete;
  return head.bytes[at + 1] === lf ? at + 2 : head.refuse(refusals['line-ending']);
}

function nameFault(octet: number, isFirst: boolean): HttpRefusal {
  if (octet === lf || octet === cr) return refusals['line-ending'];
  if (octet !== space && octet !== tab) return refusals['field-name'];
  return isFirst ? refusals['folded-line'] : refusals['space-before-colon'];
}

function valueFault(octet: number): HttpRefusal {
  return octet === lf ? refusals['line-ending'] : refusals['field-value'];
}
