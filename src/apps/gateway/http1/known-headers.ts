import { tokenOctet } from './octets.ts';

/**
 * Headers that the gateway itself must know. The number is a bit in `Head.seen`, so there are at most 31; 0 is any
 * other header.
 */
export const known = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  forwardedFor: 11,
  forwardedProto: 12,
  forwardedHost: 13,
  via: 14,
  traceparent: 15,
  tracestate: 16,
  revision: 17,
  contentType: 18,
  authorization: 19,
  cookie: 20,
  reason: 21,
  http2Settings: 22,
  setCookie: 23,
} as const;

const names: readonly (readonly [name: string, id: number])[] = [
  ['host', known.host],
  ['connection', known.connection],
  ['content-length', known.contentLength],
  ['transfer-encoding', known.transferEncoding],
  ['expect', known.expect],
  ['upgrade', known.upgrade],
  ['te', known.te],
  ['trailer', known.trailer],
  ['keep-alive', known.keepAlive],
  ['proxy-connection', known.proxyConnection],
  ['x-forwarded-for', known.forwardedFor],
  ['x-forwarded-proto', known.forwardedProto],
  ['x-forwarded-host', known.forwardedHost],
  ['via', known.via],
  ['traceparent', known.traceparent],
  ['tracestate', known.tracestate],
  ['x-tidegate-revision', known.revision],
  ['content-type', known.contentType],
  ['authorization', known.authorization],
  ['cookie', known.cookie],
  ['x-tidegate-reason', known.reason],
  ['http2-settings', known.http2Settings],
  ['set-cookie', known.setCookie],
];

/** Never passed on from one connection to the next: RFC 9110 section 7.6.1, and Trailer as in the other engine. */
export const hopByHopBits = bitsOf(
  known.connection,
  known.transferEncoding,
  known.upgrade,
  known.te,
  known.trailer,
  known.keepAlive,
  known.proxyConnection,
  known.http2Settings,
);

/** What Connection must not name in a request: removing it would change what the request says (as the other engine). */
export const neverNamedBits = bitsOf(
  known.host,
  known.contentLength,
  known.transferEncoding,
  known.contentType,
  known.authorization,
  known.cookie,
);

/** Like a known header but for `_` in place of `-`: many programs behind CGI or WSGI cannot tell the two apart. */
export const lookAlike = -1;

/** The number of the header whose name lies in [start, end), which holds token characters only; or `lookAlike`. */
export function knownHeader(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > lengthMax) return known.other;
  // Most names are told apart by length, first and last letter alone; no two known ones share their slot.
  const slot = slotOf(length, bytes[start] as number, bytes[end - 1] as number);
  const id = slots[slot] as number;
  return id === 0 ? known.other : confirmed(bytes, start, id);
}

/** Apart from its caller, which is small enough to become part of the parser's loop. */
function confirmed(bytes: Uint8Array, start: number, id: number): number {
  const lower = lowerNames[id] as Uint8Array;
  let found: number = id;
  const { length } = lower;
  for (let index = 0; index < length; index += 1) {
    const octet = tokenOctet[bytes[start + index] as number];
    if (octet === lower[index]) continue;
    if (octet !== underscore || lower[index] !== hyphen) return known.other;
    found = lookAlike;
  }
  return found;
}

export function bitsOf(...ids: readonly number[]): number {
  return ids.reduce((bits, id) => bits | (1 << id), 0);
}

const underscore = 0x5f;
const hyphen = 0x2d;
const lengthMax = 31;
const slots = new Uint8Array((lengthMax + 1) << 5);
const lowerNames: Uint8Array[] = [];
for (const [name, id] of names) {
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  if (slots[slot] !== 0) throw new Error(`two known headers share a slot: ${name}`);
  slots[slot] = id;
  lowerNames[id] = Buffer.from(name, 'latin1');
}

/** The case of letters makes no difference: it is bit 5. */
function slotOf(length: number, first: number, last: number): number {
  return (length << 5) | ((first + last) & 31);
}
