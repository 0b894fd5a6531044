import type { IncomingMessage } from 'node:http';

/** Tells which revision answered; on every answer that came from an instance. */
export const revisionHeader = 'x-tidegate-revision';

/** Headers between two neighbours, RFC 9110 section 7.6.1, and `Trailer`, since trailers are not passed on. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Written anew by the gateway; `Expect` is answered by it (100-continue). */
const writtenAnew = new Set(['x-forwarded-proto', 'x-forwarded-host', 'expect', 'host']);

/** Authority and path of a request, from its target if that is absolute (RFC 9112 section 3.2.2). */
export function destination(request: IncomingMessage): {
  readonly authority: string | undefined;
  readonly path: string;
} {
  const target = request.url ?? '/';
  if (target.startsWith('/')) return { authority: request.headers.host, path: target };
  const [, authority, path = ''] = /^http:\/\/([^/?]+)(.*)$/i.exec(target) ?? [];
  return { authority, path: path.startsWith('/') ? path : `/${path}` };
}

/** Names and values in turn, as they are sent to the instance. */
export function requestHeaders(request: IncomingMessage, authority: string): string[] {
  const { rawHeaders, headers } = request;
  const named = namedByConnection(headers.connection);
  const sent = ['host', authority];
  const hops: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || writtenAnew.has(lower) || named?.has(lower) === true) continue;
    if (lower === 'x-forwarded-for') hops.push(value);
    else sent.push(name, value);
  }
  hops.push(plainAddress(request.socket.remoteAddress ?? 'unknown'));
  sent.push('x-forwarded-for', hops.join(', '));
  sent.push('x-forwarded-proto', 'http', 'x-forwarded-host', authority);
  return sent;
}

/**
 * Names and values in turn, as they are sent to the caller. `raw` has them as bytes or text. An answer without a
 * body by its status has no length (RFC 9110 section 8.6: never with 1xx and 204).
 */
export function responseHeaders(
  raw: readonly (Buffer | string)[],
  answer: { readonly status: number; readonly revisionId: string },
): string[] {
  const pairs = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
  const connection: string[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index]?.toLowerCase() === 'connection') connection.push(pairs[index + 1] ?? '');
  }
  const named = connection.length === 0 ? null : namedByConnection(connection.join(','));
  const sent: string[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower === revisionHeader || named?.has(lower) === true) continue;
    if (lower === 'content-length' && answer.status === 204) continue;
    sent.push(name, pairs[index + 1] ?? '');
  }
  sent.push(revisionHeader, answer.revisionId);
  return sent;
}

/** Lower-case names in a Connection header; null: none but the usual ones. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close')
    return null;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}

/** IPv4 as it is written, also where the system maps it into IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
