import type { Head } from './head.ts';
import { hopByHopBits, known, knownHeader, neverNamedBits } from './known-headers.ts';
import { comma, equalsIgnoringCase, space, tab, tokenOctet } from './octets.ts';
import { type HttpRefusal, refusals } from './refusals.ts';

/** Real callers name one to three. */
const optionsMax = 32;
const close = Buffer.from('close', 'latin1');
const keepAlive = Buffer.from('keep-alive', 'latin1');
const upgrade = Buffer.from('upgrade', 'latin1');

type MessageSide = 'request' | 'response';

/**
 * What Connection says (RFC 9112 section 9.3, RFC 9110 section 7.6.1): whether the connection stays, and which headers
 * are meant for this neighbour only. Marks those and the usual hop-by-hop ones in `isHop`.
 */
export function connectionFault(head: Head, side: MessageSide): HttpRefusal | null {
  head.keepAlive = head.minorVersion === 1;
  if ((head.seen & hopByHopBits) === 0) return null;
  for (let index = 0; index < head.count; index += 1) {
    const id = head.ids[index] ?? 0;
    if (id !== 0 && ((1 << id) & hopByHopBits) !== 0) head.isHop[index] = 1;
  }
  return head.has(known.connection) ? optionsFault(head, side === 'request') : null;
}

function optionsFault(head: Head, isRequest: boolean): HttpRefusal | null {
  const { bytes, spans } = head;
  let options = 0;
  let isClose = false;
  let isKeepAlive = false;
  for (let index = head.indexOf(known.connection); index < head.count; index += 1) {
    if (head.ids[index] !== known.connection) continue;
    const end = spans[4 * index + 3] ?? 0;
    let next = listItem(bytes, spans[4 * index + 2] ?? 0, end);
    while (next < end) {
      const start = next;
      while (next < end && tokenOctet[bytes[next] as number] !== 0) next += 1;
      options += 1;
      const behind = behindBlanks(bytes, next, end);
      if (next === start || options > optionsMax || (behind < end && bytes[behind] !== comma)) {
        return refusals['connection-malformed'];
      }
      if (equalsIgnoringCase(bytes, start, next, close)) isClose = true;
      else if (equalsIgnoringCase(bytes, start, next, keepAlive)) isKeepAlive = true;
      else if (equalsIgnoringCase(bytes, start, next, upgrade)) head.hasUpgradeOption = true;
      else if (!drop(head, start, next) && isRequest)
        return refusals['connection-names-end-to-end'];
      next = listItem(bytes, behind, end);
    }
  }
  head.keepAlive = !isClose && (head.minorVersion === 1 || isKeepAlive);
  return null;
}

/** Marks the headers with the name in [start, end). False: it must not be named by a request. */
function drop(head: Head, start: number, end: number): boolean {
  const { bytes, spans } = head;
  const id = knownHeader(bytes, start, end);
  if (id > known.other) {
    if (((1 << id) & neverNamedBits) !== 0) return false;
    if (!head.has(id)) return true;
  }
  for (let index = 0; index < head.count; index += 1) {
    const nameStart = spans[4 * index] ?? 0;
    if ((spans[4 * index + 1] ?? 0) - nameStart !== end - start) continue;
    if (isSame(bytes, nameStart, start, end - start)) head.isHop[index] = 1;
  }
  return true;
}

function isSame(bytes: Buffer, one: number, other: number, length: number): boolean {
  for (let index = 0; index < length; index += 1) {
    if (tokenOctet[bytes[one + index] as number] !== tokenOctet[bytes[other + index] as number]) {
      return false;
    }
  }
  return true;
}

/** Whether a header that is a list has this item, parameters aside. */
export function isListed(head: Head, id: number, item: Uint8Array): boolean {
  const { bytes, spans } = head;
  for (let index = Math.max(0, head.indexOf(id)); index < head.count; index += 1) {
    if (head.ids[index] !== id) continue;
    const end = spans[4 * index + 3] ?? 0;
    let next = listItem(bytes, spans[4 * index + 2] ?? 0, end);
    while (next < end) {
      const start = next;
      while (next < end && tokenOctet[bytes[next] as number] !== 0) next += 1;
      if (equalsIgnoringCase(bytes, start, next, item)) return true;
      while (next < end && bytes[next] !== comma) next += 1;
      next = listItem(bytes, next, end);
    }
  }
  return false;
}

/** Skips commas and white space: empty items mean nothing (RFC 9110 section 5.6.1.2). */
function listItem(bytes: Buffer, at: number, end: number): number {
  let next = at;
  while (next < end && (bytes[next] === comma || bytes[next] === space || bytes[next] === tab)) {
    next += 1;
  }
  return next;
}

function behindBlanks(bytes: Buffer, at: number, end: number): number {
  let next = at;
  while (next < end && (bytes[next] === space || bytes[next] === tab)) next += 1;
  return next;
}
