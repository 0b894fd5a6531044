import { octetAt } from './octets.ts';

/** Methods that are treated or counted in a way of their own; `other` is any other that is served. */
export const method = {
  other: 0,
  get: 1,
  head: 2,
  post: 3,
  options: 4,
  put: 5,
  delete: 6,
  patch: 7,
  query: 8,
} as const;

/** By the number above, as the semantic conventions of OpenTelemetry name them. */
export const methodNames: readonly string[] = [
  '_OTHER',
  ...Object.keys(method)
    .slice(1)
    .map((name) => name.toUpperCase()),
];

/** Returned for a method that is not served. */
export const notServed = -1;

/**
 * Served: what both parsers know. Not served, though they know them: CONNECT (this is no forward proxy), TRACE (it
 * would show a caller what stands before the instance, RFC 9110 section 9.3.8), PRI (HTTP/2), SOURCE and those of RTSP.
 */
const servedMethods: readonly (readonly [name: string, id: number])[] = [
  ['GET', method.get],
  ['HEAD', method.head],
  ['POST', method.post],
  ['OPTIONS', method.options],
  ['PUT', method.put],
  ['DELETE', method.delete],
  ['PATCH', method.patch],
  ['QUERY', method.query],
  ...(
    'COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT ' +
    'MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE MKCALENDAR LINK UNLINK'
  )
    .split(' ')
    .map((name) => [name, method.other] as const),
];

/** Methods are case-sensitive (RFC 9110 section 9.1). */
export function servedMethod(bytes: Uint8Array, start: number, end: number): number {
  const bucket = byLength[end - start];
  if (bucket === undefined) return notServed;
  for (const { octets, id } of bucket) {
    let index = 0;
    while (index < octets.length && octets[index] === octetAt(bytes, start + index)) index += 1;
    if (index === octets.length) return id;
  }
  return notServed;
}

const byLength: { readonly octets: Uint8Array; readonly id: number }[][] = Array.from(
  { length: 16 },
  () => [],
);
for (const [name, id] of servedMethods) {
  byLength[name.length]?.push({ octets: Buffer.from(name, 'latin1'), id });
}
