import type { CacheRule } from './cache-rule.ts';

/** Of a path with its query: longer ones pass the cache by. */
export const keyPathLengthMax = 4096;
/** Of the values that an answer was chosen by, together. */
const secondaryLengthMax = 2048;

/** What a request is about: a target URI in its parts. */
export interface Resource {
  readonly scheme: Scheme;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
}

export type Scheme = 'http' | 'https';

/**
 * The primary key (RFC 9111 section 2) of a GET or HEAD: scheme, host, path and query, and the revision that answers, so that a
 * candidate's answers are never stable's. An instance that sends callers of http to https is asked for both. Null: it is too long.
 */
export function primaryKey(
  { scheme, authority, path }: Resource,
  revisionId: string,
  rule: Pick<CacheRule, 'ignoreQuery'>,
): string | null {
  if (path.length > keyPathLengthMax) return null;
  const host = plainAuthority(authority, scheme);
  return `${revisionId}\nGET\n${scheme}://${host}\n${keptPath(path, rule.ignoreQuery)}`;
}

export function revisionOfKey(primary: string): string {
  return primary.slice(0, primary.indexOf('\n'));
}

/** With what of its query makes a difference. */
export function pathOfKey(primary: string): string {
  return primary.slice(primary.lastIndexOf('\n') + 1);
}

/** The port that nobody has to write is not told apart. */
function plainAuthority(authority: string, scheme: Scheme): string {
  const lower = authority.toLowerCase();
  const port = scheme === 'http' ? ':80' : ':443';
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/** Without the parts of its query that make no difference; what stays keeps its order. */
export function keptPath(path: string, ignored: readonly string[]): string {
  const at = path.indexOf('?');
  if (at < 0 || ignored.length === 0) return path;
  const kept = path
    .slice(at + 1)
    .split('&')
    .filter((part) => !isIgnored(part, ignored));
  const plain = path.slice(0, at);
  return kept.length === 0 ? plain : `${plain}?${kept.join('&')}`;
}

function isIgnored(part: string, ignored: readonly string[]): boolean {
  const at = part.indexOf('=');
  const name = at < 0 ? part : part.slice(0, at);
  return ignored.some((each) =>
    each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each,
  );
}

/**
 * Which of a resource's answers a request gets: the values of the fields that `Vary` names (section 4.1), normalised where two
 * ways to write them mean the same. Null: they are too long.
 */
export function secondaryKey(
  vary: readonly string[],
  header: (name: string) => string | null,
): string | null {
  if (vary.length === 0) return '';
  const key = vary.map((name) => `${name}=${normalised(name, header(name))}`).join('\n');
  return key.length > secondaryLengthMax ? null : key;
}

function normalised(name: string, value: string | null): string {
  if (name === 'accept-encoding') return acceptedCodings(value);
  if (value === null) return '';
  const spaced = value
    .trim()
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ ?, ?/g, ',');
  const isCaseless = name === 'accept' || name === 'accept-language';
  // Something is there, though it may be empty.
  return `:${isCaseless ? spaced.toLowerCase() : spaced}`;
}

const codings = ['br', 'deflate', 'gzip', 'identity', 'zstd'] as const;

/**
 * The codings that a caller takes, in one order: any of them will do for it, whatever it likes best (RFC 9110 section 12.5.3).
 * Codings that nobody here has heard of are passed over.
 */
function acceptedCodings(value: string | null): string {
  if (value === null) return '';
  const weights = new Map<string, boolean>();
  for (const part of value.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((each) => each.trim());
    const isRefused = parameters.some((each) => /^q=0(\.0*)?$/.test(each));
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, !isRefused);
  }
  const others = weights.get('*');
  const taken = codings.filter((coding) => weights.get(coding) ?? others ?? coding === 'identity');
  return `:${taken.join(',')}`;
}
