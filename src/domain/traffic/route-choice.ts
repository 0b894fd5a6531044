import type { Route } from './route-table.ts';

/** Values of a request's headers by lower-case name; repeated ones joined with ', ' or as a list. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The revision that the first fitting match names, or null: then the weights decide. A match is asked before the
 * weights, so it reaches a candidate of weight 0.
 */
export function matchedRevision(route: Route, headers: RequestHeaders): string | null {
  for (const match of route.matches) {
    const found = headers[match.header.name];
    if (found === undefined) continue;
    const fits =
      typeof found === 'string' ? found === match.header.value : found.includes(match.header.value);
    if (fits) return match.revisionId;
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
