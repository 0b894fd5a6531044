import { isGrpcType } from '../../../domain/traffic/samples/grpc-status.ts';
import { isOneLine } from './octets-of.ts';

/** A request of HTTP/2 as the head of one of HTTP/1.1. */
export interface RequestOctets {
  readonly kind: 'request';
  readonly head: Buffer;
  readonly framing: 'none' | 'length' | 'chunked';
  readonly isHead: boolean;
  /** Its answers tell how they went in `grpc-status`. */
  readonly isGrpc: boolean;
}

/** Malformed by RFC 9113 section 8.1.1, or not served. */
export interface RequestFault {
  readonly kind: 'refused';
  readonly status: 400 | 501;
  readonly detail: string;
  readonly isGrpc: boolean;
}

/** RFC 9113 section 8.2.2; `te` is allowed as `trailers` alone. */
const connectionSpecific = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const pseudoNames = [':method', ':scheme', ':authority', ':path'] as const;
type PseudoName = (typeof pseudoNames)[number];

/**
 * Writes what HTTP/2 gave as the head that the engine's parsers then read, so that one reading decides whatever a request
 * came by. nghttp2 has refused most of what is malformed; it is asked again here, since this is where text becomes lines.
 *
 * - Q1. No octet of the caller ends a line (`isOneLine`), so there are as many lines as there were fields.
 * - Q2. Pseudo-header fields: each once, before all others; :method, :scheme, :path; :authority, or Host, or both the same.
 * - Q3. Names are in lower case; none is of the connection.
 * - Q4. Framing is made of what the frames say: END_STREAM, or a Content-Length that nghttp2 holds the DATA against, or chunks.
 */
export function requestOctets(
  raw: readonly string[],
  endsHere: boolean,
): RequestOctets | RequestFault {
  const read = fieldsOf(raw, endsHere);
  if (typeof read === 'string') return fault(400, read, false);
  const { pseudo, lines, contentType } = read;
  const isGrpc = isGrpcType(contentType);
  const method = pseudo.get(':method');
  if (method === 'CONNECT')
    return fault(501, 'CONNECT is not served: this is no forward proxy', isGrpc);
  const path = pseudo.get(':path');
  const scheme = pseudo.get(':scheme');
  if (method === undefined || path === undefined || scheme === undefined) {
    return fault(400, ':method, :scheme and :path must be there, each once', isGrpc);
  }
  if (scheme !== 'http' && scheme !== 'https') return fault(400, ':scheme is not http(s)', isGrpc);
  const authority = authorityOf(pseudo.get(':authority'), read.hosts);
  if (authority === null) {
    return fault(400, 'there must be one host: :authority, or Host, or both the same', isGrpc);
  }
  if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) {
    return fault(400, ':path must begin with a slash', isGrpc);
  }
  const framing = endsHere ? 'none' : read.hasLength ? 'length' : 'chunked';
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${lines}`;
  if (framing === 'chunked') head += 'transfer-encoding: chunked\r\n';
  const bytes = Buffer.from(`${head}\r\n`, 'latin1');
  return { kind: 'request', head: bytes, framing, isHead: method === 'HEAD', isGrpc };
}

interface Fields {
  readonly pseudo: ReadonlyMap<PseudoName, string>;
  readonly hosts: readonly string[];
  readonly lines: string;
  readonly hasLength: boolean;
  readonly contentType: string;
}

/** A string: what is wrong. */
function fieldsOf(raw: readonly string[], endsHere: boolean): Fields | string {
  const pseudo = new Map<PseudoName, string>();
  const hosts: string[] = [];
  const cookies: string[] = [];
  let lines = '';
  let hasLength = false;
  let contentType = '';
  let isBehindPseudo = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (!isOneLine(value)) return 'a field has a control character in its value';
    const known = pseudoNames.find((each) => each === name);
    if (known !== undefined) {
      if (isBehindPseudo || pseudo.has(known)) return 'pseudo-header fields come first, each once';
      if (/[^!-~]/.test(value)) return `${known} has octets that must be encoded`;
      pseudo.set(known, value);
      continue;
    }
    isBehindPseudo = true;
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return 'a field name is no token in lower case';
    if (connectionSpecific.has(name)) return `${name} is of HTTP/1.1 connections only`;
    if (name === 'te' && value !== 'trailers') return 'te may be trailers only';
    if (name === 'content-length') {
      if (endsHere && value !== '0') return 'there is a length, and no body';
      hasLength = true;
    }
    if (name === 'content-type') contentType = value;
    if (name === 'host') hosts.push(value);
    else if (name === 'cookie') cookies.push(value);
    else lines += `${name}: ${value}\r\n`;
  }
  // RFC 9113 section 8.2.3: crumbs are one header again.
  if (cookies.length > 0) lines += `cookie: ${cookies.join('; ')}\r\n`;
  return { pseudo, hosts, lines, hasLength, contentType };
}

/** Null: there is none, or there are two. */
function authorityOf(authority: string | undefined, hosts: readonly string[]): string | null {
  const [host] = hosts;
  if (hosts.length > 1) return null;
  if (authority === undefined) return host ?? null;
  return host === undefined || host.toLowerCase() === authority.toLowerCase() ? authority : null;
}

function fault(status: RequestFault['status'], detail: string, isGrpc: boolean): RequestFault {
  return { kind: 'refused', status, detail, isGrpc };
}
