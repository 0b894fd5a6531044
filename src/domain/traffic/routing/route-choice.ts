import {
  everyPath,
  isMatch,
  type MatchedRequest,
  type NamedValue,
  pathEndOf,
  type ReadyMatch,
  readyMatch,
  type RequestMatch,
} from './request-match.ts';
import type { Route } from './route-table.ts';

/** The matches of a route made ready once for a table. */
export interface ReadyRevisionMatch {
  readonly match: ReadyMatch;
  readonly revisionId: string;
}

export function readyRevisionMatches(matches: Route['matches']): readonly ReadyRevisionMatch[] {
  return matches.map((each) => ({
    match: readyMatch('match' in each ? each.match : byHeader(each.header)),
    revisionId: each.revisionId,
  }));
}

function byHeader(header: NamedValue): RequestMatch {
  return { path: everyPath, method: null, headers: [header], queryParams: [], cookies: [] };
}

/**
 * The revision that the first fitting match names, or null: then the weights decide. A match is asked before the
 * weights, so it reaches a candidate of weight 0. `target` is path and query.
 */
export function matchedRevision(
  matches: readonly ReadyRevisionMatch[],
  target: string,
  request: MatchedRequest,
): string | null {
  if (matches.length === 0) return null;
  const pathEnd = pathEndOf(target);
  for (const { match, revisionId } of matches) {
    if (isMatch(match, target, pathEnd, request)) return revisionId;
  }
  return null;
}

/**
 * The host of a Host header or authority as routes name it: without port and final dot, in lower case. Null when it
 * is not a host (RFC 9110 section 7.2; `[::1]:80` is `[::1]`).
 */
export function hostOf(authority: string | undefined): string | null {
  if (authority === undefined || authority.length > 261) return null;
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?$/.exec(authority.toLowerCase());
  return parts?.[1] ?? null;
}

/** Index of the next of `count` endpoints in turn, after `previous` (-1 at first); -1 when there is none. */
export function nextInTurn(previous: number, count: number): number {
  if (count === 0) return -1;
  return (previous + 1) % count;
}
