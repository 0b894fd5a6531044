/** Values of a request's headers by lower-case name; repeated ones joined with ', ' (cookies with '; ') or as a list. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Which requests are meant, in the words of the Gateway API (HTTPRouteMatch, gateway.networking.k8s.io/v1): all that is given
 * has to fit.
 */
export interface RequestMatch {
  readonly path: PathMatch;
  /** As on the wire: upper case. Null: any. */
  readonly method: string | null;
  /** Names are in lower case. Of several with one name only the first counts, as HTTPHeaderMatch says. */
  readonly headers: readonly NamedValue[];
  /** Of several with one name only the first counts, as HTTPQueryParamMatch says. */
  readonly queryParams: readonly NamedValue[];
  /** Not in the Gateway API; each counts as a header match. */
  readonly cookies: readonly NamedValue[];
}

/**
 * - `Exact`: this path alone, case-sensitive: `/abc` has neither `/abc/` nor `/abcd`.
 * - `PathPrefix`: this path and those below it by whole elements: `/abc` has `/abc/` and `/abc/d` and not `/abcd`. A slash at
 *   its end is ignored, so `/` has every path.
 *
 * The path is compared as it came, without its query and without decoding.
 */
export interface PathMatch {
  readonly type: PathMatchType;
  readonly value: string;
}

export type PathMatchType = (typeof pathMatchTypes)[number];
export const pathMatchTypes = ['Exact', 'PathPrefix'] as const;

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** What every request fits: the Gateway API's default. */
export const everyPath: PathMatch = { type: 'PathPrefix', value: '/' };

/** What of a request is asked, besides its path. */
export interface MatchedRequest {
  readonly method?: string | undefined;
  readonly headers: RequestHeaders;
}

/** A match made ready once for a table, so that asking it makes no garbage. */
export interface ReadyMatch {
  readonly isExact: boolean;
  /** Without a slash at its end if it is a prefix; empty: every path. */
  readonly path: string;
  readonly method: string | null;
  readonly headers: readonly NamedValue[];
  readonly queryParams: readonly NamedValue[];
  readonly cookies: readonly NamedValue[];
}

export function readyMatch(match: RequestMatch): ReadyMatch {
  const { path, method } = match;
  const isExact = path.type === 'Exact';
  return {
    isExact,
    path: isExact || !path.value.endsWith('/') ? path.value : path.value.slice(0, -1),
    method,
    headers: withoutTwins(match.headers),
    queryParams: withoutTwins(match.queryParams),
    cookies: withoutTwins(match.cookies),
  };
}

/** `target` is path and query as they came; `pathEnd` where the path ends in it. */
export function isMatch(
  match: ReadyMatch,
  target: string,
  pathEnd: number,
  request: MatchedRequest,
): boolean {
  if (!isPathMatch(match, target, pathEnd)) return false;
  if (match.method !== null && match.method !== request.method) return false;
  const { headers, cookies, queryParams } = match;
  for (let index = 0; index < headers.length; index += 1) {
    const wanted = headers[index];
    if (wanted !== undefined && !hasValue(request.headers[wanted.name], wanted.value)) return false;
  }
  for (let index = 0; index < cookies.length; index += 1) {
    const wanted = cookies[index];
    if (wanted !== undefined && !isCookie(request.headers['cookie'], wanted)) return false;
  }
  for (let index = 0; index < queryParams.length; index += 1) {
    const wanted = queryParams[index];
    if (wanted !== undefined && !isQueryParam(target, pathEnd + 1, wanted)) return false;
  }
  return true;
}

/** Where the path ends in a target. */
export function pathEndOf(target: string): number {
  const end = target.indexOf('?');
  return end < 0 ? target.length : end;
}

function isPathMatch({ isExact, path }: ReadyMatch, target: string, pathEnd: number): boolean {
  if (isExact) return pathEnd === path.length && target.startsWith(path);
  if (path === '') return true;
  if (pathEnd < path.length || !target.startsWith(path)) return false;
  return pathEnd === path.length || target.charCodeAt(path.length) === slash;
}

/** Repeated headers are one list (RFC 9110 section 5.3), compared as a whole. */
function hasValue(found: RequestHeaders[string], wanted: string): boolean {
  if (found === undefined) return false;
  return typeof found === 'string' ? found === wanted : found.includes(wanted);
}

function isCookie(header: RequestHeaders[string], { name, value }: NamedValue): boolean {
  if (header === undefined) return false;
  const text = typeof header === 'string' ? header : header.join('; ');
  const start = cookieStart(text, name);
  return (
    start >= 0 && cookieEnd(text, start) - start === value.length && text.startsWith(value, start)
  );
}

/** A cookie's value, of the first with this name; null: there is none, or it is empty. Quotes are part of the value. */
export function cookieValue(header: RequestHeaders[string], name: string): string | null {
  if (header === undefined) return null;
  const text = typeof header === 'string' ? header : header.join('; ');
  const start = cookieStart(text, name);
  if (start < 0) return null;
  const end = cookieEnd(text, start);
  return end === start ? null : text.slice(start, end);
}

/** Where the value begins, or -1. `cookie-pair *( ";" SP cookie-pair )`, RFC 6265 section 4.2.1; names are case-sensitive. */
function cookieStart(text: string, name: string): number {
  for (let at = 0; at < text.length;) {
    while (text.charCodeAt(at) === space) at += 1;
    if (text.startsWith(name, at) && text.charCodeAt(at + name.length) === equals) {
      return at + name.length + 1;
    }
    const next = text.indexOf(';', at);
    if (next < 0) return -1;
    at = next + 1;
  }
  return -1;
}

function cookieEnd(text: string, start: number): number {
  let end = text.indexOf(';', start);
  if (end < 0) end = text.length;
  while (end > start && text.charCodeAt(end - 1) === space) end -= 1;
  return end;
}

/** Whether the first parameter of this name has this value. Names and values are compared decoded, `+` being a space. */
function isQueryParam(target: string, queryStart: number, { name, value }: NamedValue): boolean {
  for (let at = queryStart; at < target.length;) {
    let end = target.indexOf('&', at);
    if (end < 0) end = target.length;
    const equalsAt = target.indexOf('=', at);
    const nameEnd = equalsAt < 0 || equalsAt > end ? end : equalsAt;
    if (isDecoded(target, at, nameEnd, name)) {
      return isDecoded(target, Math.min(nameEnd + 1, end), end, value);
    }
    at = end + 1;
  }
  return false;
}

/** Whether text[start, end) with its `%XX` and `+` decoded is `wanted`, which is ASCII. */
function isDecoded(text: string, start: number, end: number, wanted: string): boolean {
  let index = 0;
  for (let at = start; at < end; at += 1) {
    let code = text.charCodeAt(at);
    if (code === plus) code = space;
    else if (code === percent && at + 2 < end) {
      const decoded = 16 * hexDigit(text.charCodeAt(at + 1)) + hexDigit(text.charCodeAt(at + 2));
      if (decoded >= 0) {
        code = decoded;
        at += 2;
      }
    }
    if (index === wanted.length || code !== wanted.charCodeAt(index)) return false;
    index += 1;
  }
  return index === wanted.length;
}

/** Far below 0: it is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1000;
}

function withoutTwins(values: readonly NamedValue[]): readonly NamedValue[] {
  return values.filter(({ name }, index) => {
    return values.findIndex((each) => each.name === name) === index;
  });
}

const slash = 0x2f;
const space = 0x20;
const plus = 0x2b;
const percent = 0x25;
const equals = 0x3d;
