import type { IncomingMessage } from 'node:http';
import type { AccessNote } from './identity/route-authorization.ts';
import type { LimitStanding, OverLimits } from './limits/route-limits.ts';

/** Why the gateway answers a request itself. `reason` is sent as x-tidegate-reason. */
export interface Refusal {
  readonly status: number;
  readonly reason:
    | 'bad-request'
    | 'misdirected'
    | 'unknown-host'
    | 'no-endpoints'
    | 'wake-timeout'
    | 'wake-overflow'
    | 'wake-failed'
    | 'overloaded'
    | 'circuit-open'
    | 'unreachable'
    | 'reset'
    | 'timeout'
    | 'backend-timeout'
    | 'idle-timeout'
    | 'caller-too-slow'
    | 'fault-injected'
    | 'body-too-large'
    | 'not-cached'
    | 'rate-limited'
    | 'unauthorized'
    | 'insufficient-token'
    | 'forbidden'
    | 'token-unchecked'
    | 'mtls-required'
    | 'peer-unverified'
    | 'too-many-connections'
    | 'too-many-connections-of-caller';
  readonly detail: string;
  /** Of `rate-limited`. */
  readonly over?: OverLimits;
  /** Of `forbidden`: for operators alone. */
  readonly access?: AccessNote;
  /** `WWW-Authenticate` (RFC 9110 section 11.6.1). */
  readonly challenge?: string;
}

/** Bounds that may have room again a moment later. */
const passing: ReadonlySet<Refusal['reason']> = new Set([
  'wake-timeout',
  'wake-overflow',
  'wake-failed',
  'overloaded',
  'circuit-open',
  'too-many-connections',
  'too-many-connections-of-caller',
  'token-unchecked',
]);

/** `Retry-After` in seconds (RFC 9110 section 10.2.3); null: to wait mends nothing, or nobody knows how long. */
function retryAfterSeconds({ reason, over }: Refusal): number | null {
  return over?.retryAfterSeconds ?? (passing.has(reason) ? 1 : null);
}

/** Header fields of the answer beside those of its body: names in lower case, and values. */
export function refusalFields(refusal: Refusal): readonly (readonly [string, string])[] {
  const seconds = retryAfterSeconds(refusal);
  return [
    ...(seconds === null ? [] : [['retry-after', String(seconds)] as const]),
    ...(refusal.over === undefined ? [] : limitFields(refusal.over.told)),
    ...(refusal.challenge === undefined ? [] : [['www-authenticate', refusal.challenge] as const]),
  ];
}

/** draft-ietf-httpapi-ratelimit-headers-10. */
export function limitFields(told: LimitStanding): readonly (readonly [string, string])[] {
  return [
    ['ratelimit-policy', told.policy],
    ['ratelimit', told.standing],
  ];
}

export function overLimitsRefusal(over: OverLimits): Refusal {
  const { limits, retryAfterSeconds: seconds } = over;
  const detail = `beyond the limit ${limits.join(', ')}; there is room again in ${seconds} s`;
  return { status: 429, reason: 'rate-limited', detail, over };
}

/** RFC 9111 section 5.2.1.7. */
export const notCached: Refusal = {
  status: 504,
  reason: 'not-cached',
  detail: 'the request asks for a stored answer only, and there is none that it may have',
};

export function tooLarge(bodyBytesMax: number): Refusal {
  const detail = `the body is larger than the ${bodyBytesMax} bytes that are taken here`;
  return { status: 413, reason: 'body-too-large', detail };
}

/** Of one request; node:http would drop further ones silently if it were told a number. */
const headersMax = 100;

/**
 * What node:http takes but a proxy must not pass on, because the next one may read it in another way (request
 * smuggling): RFC 9112 sections 3.2, 6.1 and 6.3, RFC 9110 section 7.6.1. Null: nothing is wrong.
 */
export function refusal(request: IncomingMessage): Refusal | null {
  const { rawHeaders, headers, httpVersionMajor, httpVersionMinor } = request;
  if (httpVersionMajor !== 1 || httpVersionMinor > 1) {
    return badRequest(`HTTP version ${request.httpVersion} is not served`, 505);
  }
  if (rawHeaders.length > 2 * headersMax) return badRequest(`more than ${headersMax} headers`, 431);
  const fault =
    targetFault(request) ?? hostFault(rawHeaders) ?? connectionFault(headers.connection);
  if (fault !== null) return badRequest(fault);
  const encoding = headers['transfer-encoding'];
  if (encoding === undefined) return null;
  if (httpVersionMinor === 0) return badRequest('Transfer-Encoding in HTTP/1.0');
  if (headers['content-length'] !== undefined) {
    return badRequest('both Content-Length and Transfer-Encoding');
  }
  if (encoding.toLowerCase() !== 'chunked') {
    return badRequest('a Transfer-Encoding other than chunked', 501);
  }
  return null;
}

function badRequest(detail: string, status = 400): Refusal {
  return { status, reason: 'bad-request', detail };
}

function targetFault(request: IncomingMessage): string | null {
  const target = request.url ?? '';
  if (/[^\u0021-\u007e]|#/.test(target)) return 'the target has characters that must be encoded';
  return target.startsWith('/') || /^http:\/\/[^/?#@]+/i.test(target)
    ? null
    : 'the target must be a path or an absolute http URL';
}

function hostFault(rawHeaders: readonly string[]): string | null {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1 ? 'more than one Host header' : null;
}

const neverNamed = /(?:^|,)\s*(?:host|content-length|content-type|authorization|cookie)\s*(?:,|$)/i;

function connectionFault(connection: string | undefined): string | null {
  if (connection === undefined || !neverNamed.test(connection)) return null;
  return `the Connection header must not name end-to-end headers: '${connection.slice(0, 100)}'`;
}
