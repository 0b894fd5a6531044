import { connect } from 'node:net';
import type { Recorded } from './recorder.fixture.ts';

/**
 * Differences between what we and HAProxy pass on of the same octets that are no fault, each with its reason. What is in
 * none of these is one. Applied to both sides before they are compared.
 */
const droppedHeaders: ReadonlyMap<string, string> = new Map([
  ['connection', 'RFC 9110 7.6.1: of one connection; each proxy writes its own'],
  ['keep-alive', 'RFC 9110 7.6.1: of one connection'],
  ['proxy-connection', 'RFC 9110 7.6.1: of one connection'],
  ['te', 'RFC 9110 10.1.4: of one connection; we say what we take'],
  ['trailer', 'RFC 9110 6.6.2: we pass trailers on without announcing them'],
  ['upgrade', 'RFC 9110 7.8: of one connection; passed on with a tunnel only'],
  ['transfer-encoding', 'framing is made anew; the body is compared'],
  ['content-length', 'framing is made anew; the body is compared'],
  ['host', 'compared by itself, since an absolute target goes before it'],
  ['expect', 'we send 100 Continue ourselves'],
  ['x-forwarded-for', 'we add it, and take what was there into it'],
  ['x-forwarded-proto', 'we set it'],
  ['x-forwarded-host', 'we set it'],
  ['http2-settings', 'RFC 9113 3.1: of one connection'],
  ['proxy-authenticate', 'RFC 9110 11.7: for the next proxy'],
  ['proxy-authorization', 'RFC 9110 11.7: for the next proxy'],
]);

/** RFC 9110 section 6.5.1: what must not come behind a body is dropped by us, and passed on by HAProxy. */
const droppedTrailers =
  /^(?:host|keep-alive|te|trailer|via|forwarded|(?:www-)?authenticate|authorization|(?:set-)?cookie2?|cache-control|expect|max-forwards|pragma|range|age|expires|date|location|retry-after|vary|warning|trace(?:parent|state)|http2-settings|strict-transport-security|x-real-ip|(?:if|x-forwarded|x-tidegate|proxy|content|sec)-.*)$/;

/** A name that is one of ours but for `_`: programs behind CGI cannot tell the two apart, so we drop it. */
function isLookAlike(name: string): boolean {
  return name.includes('_') && lookedAlike.has(name.replaceAll('_', '-'));
}

const lookedAlike: ReadonlySet<string> = new Set([
  ...droppedHeaders.keys(),
  'content-type',
  'authorization',
  'cookie',
  'set-cookie',
  'via',
  'traceparent',
  'tracestate',
  'x-tidegate-revision',
  'x-tidegate-reason',
]);

/** A request without what may differ. */
export interface Essence {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** `octets` are the caller's, for the names that its Connection lists. */
export function essenceOf(request: Recorded, octets: string): Essence {
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(request.target);
  const path = absolute === null ? request.target : (absolute[2] ?? '');
  const host = absolute === null ? valueOf(request, 'host') : (absolute[1] ?? '');
  const isAsterisk = path === '' && request.method === 'OPTIONS';
  const named = namedByConnection(octets);
  const kept = request.headers.filter((line) => {
    const name = line.slice(0, line.indexOf(':'));
    return !droppedHeaders.has(name) && !isLookAlike(name) && !named.has(name);
  });
  return {
    method: request.method,
    path: isAsterisk ? '*' : path.replace(/^(?=\?|$)/, '/'),
    host: host.toLowerCase(),
    headers: kept,
    body: request.body,
    trailers: request.trailers.filter((line) => {
      const name = line.slice(0, line.indexOf(':')).replaceAll('_', '-');
      return !droppedTrailers.test(name);
    }),
  };
}

function valueOf({ headers }: Recorded, name: string): string {
  return headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
}

/** RFC 9110 section 7.6.1: we drop them, HAProxy does not. */
function namedByConnection(octets: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, value = ''] of octets.matchAll(/^connection:(.*)$/gim)) {
    for (const name of value.split(',')) names.add(name.trim().toLowerCase());
  }
  return names;
}

export interface Conversation {
  readonly received: string;
  /** False: it was still open when nobody waited any longer. */
  readonly isClosed: boolean;
}

/**
 * Sends these octets, in pieces cut at `cuts`, and nothing more; resolves when the other side has closed, `isEnough`, or
 * nothing has come for `boundMs`.
 */
export async function converse(
  port: number,
  { octets, cuts = [] }: { readonly octets: Buffer; readonly cuts?: readonly number[] },
  { boundMs, isEnough }: { readonly boundMs: number; readonly isEnough?: () => boolean },
): Promise<Conversation> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  socket.on('error', () => {});
  socket.on('close', () => resolve(true));
  socket.setTimeout(boundMs, () => resolve(false));
  const looking =
    isEnough === undefined ? null : setInterval(() => isEnough() && resolve(false), 1);
  let from = 0;
  for (const cut of cuts) {
    socket.write(octets.subarray(from, cut));
    from = cut;
    await new Promise((next) => setImmediate(next));
  }
  // Our own end tells the gateway that this is all there is; HAProxy would stop reading what is pipelined.
  if (isEnough === undefined) socket.end(octets.subarray(from));
  else socket.write(octets.subarray(from));
  const isClosed = await promise;
  if (looking !== null) clearInterval(looking);
  socket.destroy();
  return { received, isClosed };
}
