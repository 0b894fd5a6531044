/** Why a head or body is not taken. Constants: a refusal costs nothing to make, and no octet of the caller is in it. */
export interface HttpRefusal {
  /** For the caller of a refused request. An instance whose answer is refused is 502 to the caller, whatever it is. */
  readonly status: number;
  readonly code: HttpRefusalCode;
  /** A sentence for people. */
  readonly detail: string;
}

const rows = {
  // The request line, RFC 9112 section 3.
  'method-malformed': [400, 'the request does not begin with a method, which is a token'],
  'method-not-served': [501, 'the method is not served here; CONNECT and TRACE are not either'],
  'target-malformed': [400, 'the target has octets that must be percent-encoded, or none at all'],
  'target-form': [400, 'the target must be a path, an absolute http URL, or * with OPTIONS'],
  'target-too-long': [414, 'the target is longer than this gateway takes'],
  'version-malformed': [400, 'the request line does not end in a version such as HTTP/1.1'],
  'version-not-served': [505, 'only HTTP/1.1 and HTTP/1.0 are served'],
  // The status line, RFC 9112 section 4.
  'status-malformed': [
    502,
    'the answer does not begin with a version and a status of three digits',
  ],
  // Lines and fields, RFC 9112 sections 2.2 and 5, RFC 9110 section 5.
  'line-ending': [400, 'a line must end in CR LF; one ends in LF alone or has a CR within'],
  'field-name': [400, 'a header line must begin with a name, which is a token, and a colon'],
  'field-name-too-long': [431, 'the name of a header is longer than 255 octets'],
  'space-before-colon': [400, 'there must be no space between the name of a header and its colon'],
  'folded-line': [400, 'a header line begins with a space; folded headers are not taken'],
  'field-value': [400, 'a header has a control character in its value'],
  'head-too-long': [431, 'the head is longer than this gateway takes'],
  'too-many-headers': [431, 'there are more headers than this gateway takes'],
  // Host, RFC 9112 section 3.2, RFC 9110 section 7.2.
  'host-missing': [400, 'there is no Host header'],
  'host-repeated': [400, 'there is more than one Host header'],
  'host-malformed': [400, 'Host, or the authority of the target, is no name or address of a host'],
  'host-differs': [400, 'Host differs from the authority of the target'],
  // Framing, RFC 9112 section 6.
  'length-malformed': [400, 'Content-Length is not a number of at most 15 digits'],
  'length-repeated': [400, 'there is more than one Content-Length'],
  'length-beside-encoding': [400, 'there are both Content-Length and Transfer-Encoding'],
  'encoding-old-version': [400, 'HTTP/1.0 knows no Transfer-Encoding'],
  'body-old-version': [400, 'in HTTP/1.0, there is no body with GET, HEAD or DELETE'],
  'encoding-repeated': [400, 'there is more than one Transfer-Encoding'],
  'encoding-malformed': [400, 'Transfer-Encoding does not end in chunked, once'],
  'encoding-not-served': [501, 'Transfer-Encoding has codings other than chunked'],
  'framing-without-body': [
    502,
    'an answer that has no body by its status has a length or encoding',
  ],
  // Connection and Expect, RFC 9110 sections 7.6.1 and 10.1.1.
  'connection-malformed': [400, 'Connection is not a list of at most 32 names'],
  'connection-names-end-to-end': [400, 'Connection names a header that is not between neighbours'],
  'expectation-unknown': [417, 'Expect is something other than 100-continue'],
  // The body, RFC 9112 section 7.1.
  'chunk-size': [400, 'a chunk does not begin with a size of 1 to 12 hexadecimal digits'],
  'chunk-extension': [400, 'a chunk extension is malformed'],
  'chunk-extension-too-long': [400, 'the chunk extensions are longer than this gateway takes'],
  'chunk-ending': [400, 'a chunk is longer than its size: no CR LF follows its data'],
  'trailer-frames': [
    400,
    'a trailer is about framing or the connection, as Content-Length is, or there are two Hosts',
  ],
  'trailers-too-long': [431, 'the trailers are longer or more than this gateway takes'],
  // Two parsers, one of them not ours, must read a head in the same way.
  'second-opinion': [400, 'two parsers read this head in different ways'],
} as const satisfies Readonly<Record<string, readonly [status: number, detail: string]>>;

export type HttpRefusalCode = keyof typeof rows;

export const refusals = Object.freeze(
  Object.fromEntries(
    Object.entries(rows).map(([code, [status, detail]]) => [
      code,
      Object.freeze({ status, code, detail }),
    ]),
  ),
) as { readonly [Code in HttpRefusalCode]: HttpRefusal };
