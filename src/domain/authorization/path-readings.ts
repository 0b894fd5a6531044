/**
 * What a path may mean to whoever gets it. A gateway passes a path on as it came, and servers do not agree on what `//`, `/./`, `;a=b`,
 * `%2f` or a backslash in it are. So a rule is not asked about one normal form but about every form that a server may make:
 *
 * - P1. An ALLOW rule fits if all readings are within it, a DENY rule if one is.
 * - P2. What cannot be read in full (no UTF-8, too many readings, too long) is within no ALLOW rule and within every DENY rule.
 * - P3. Encoded letters, digits and `-._~` are the same as those themselves (RFC 3986 section 6.2.2.2), so `/%61dmin` has one reading.
 *
 * Most paths are plain and are their only reading. `path` is without its query.
 */
export type PathReadings =
  | { readonly kind: 'readings'; readonly paths: readonly string[] }
  | { readonly kind: 'unreadable' };

export function pathReadings(path: string): PathReadings {
  if (isPlainPath(path)) return { kind: 'readings', paths: [path] };
  if (!path.startsWith('/') || path.length > strangeLengthMax) return unreadable;
  const first = unreservedDecoded(path);
  const found = new Set([first]);
  // A Set is gone through in the order in which it grows, so this goes on until nothing new comes.
  for (const each of found) {
    for (const step of steps) {
      const read = step(each);
      if (read === null) return unreadable;
      found.add(read);
      if (found.size > readingsMax) return unreadable;
    }
  }
  return { kind: 'readings', paths: [...found] };
}

/** Nobody reads anything else in it: elements of characters that mean themselves, with one slash between. */
export function isPlainPath(path: string): boolean {
  if (path.charCodeAt(0) !== slash) return false;
  for (let at = 1; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    if (code >= 128 || plainCodes[code] !== 1) return false;
    // A dot at the beginning of an element may be a step; a slash there is an empty element.
    if ((code === slash || code === dot) && path.charCodeAt(at - 1) === slash) return false;
  }
  return true;
}

const slash = 0x2f;
const dot = 0x2e;
const plainCodes = new Uint8Array(128);
for (const sign of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~!$&'()*+,=:@") {
  plainCodes[sign.charCodeAt(0)] = 1;
}

/** Of a path that is not plain: each of its readings costs a walk over it. */
const strangeLengthMax = 2048;
const readingsMax = 64;
const unreadable: PathReadings = { kind: 'unreadable' };

/** Each what some server does; null: it can't be done. What they make together in any order are the readings. */
const steps: readonly ((path: string) => string | null)[] = [
  decoded,
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replaceAll(/;[^/]*/g, ''),
  (path) => path.replaceAll(/\/{2,}/g, '/'),
  withoutDots,
  // What stands behind an encoded `?` or `#` is a query or a fragment to who decodes too early.
  (path) => path.replace(/[?#].*$/s, ''),
  // Full-width forms and their like.
  (path) => path.normalize('NFKC'),
];

function unreservedDecoded(path: string): string {
  return path.replaceAll(/%([0-9a-fA-F]{2})/g, (whole, digits: string) => {
    const sign = String.fromCharCode(Number.parseInt(digits, 16));
    return /[A-Za-z0-9\-._~]/.test(sign) ? sign : whole;
  });
}

/**
 * Once; a `%` that begins nothing stays, as some servers have it. Null: what is encoded is no UTF-8 (RFC 3629 has one form of each character),
 * a control character, or in a form that is no standard (`%u002f`).
 */
function decoded(path: string): string | null {
  if (/%u[0-9a-f]{4}/i.test(path)) return null;
  try {
    const text = path.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (run) => decodeURIComponent(run));
    return /\p{Cc}/u.test(text) ? null : text;
  } catch {
    // URIError: no UTF-8.
    return null;
  }
}

/** RFC 3986 section 5.2.4. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const elements = path.split('/').slice(1);
  for (const element of elements) {
    if (element === '..') kept.pop();
    else if (element !== '.') kept.push(element);
  }
  const last = elements.at(-1);
  const isFolder = (last === '.' || last === '..') && kept.length > 0;
  return `/${kept.join('/')}${isFolder ? '/' : ''}`;
}
