import { type Field, valueOf } from './http-fields.ts';

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']);

export function isUnsafe(method: string): boolean {
  return !safe.has(method);
}

/**
 * Paths, with their queries, whose stored answers are no more right after an unsafe request that did not fail (RFC 9111 section
 * 4.4): its own, and those that the answer names in Location and Content-Location, if they are of the same host.
 */
export function invalidatedPaths(
  { authority, path }: { readonly authority: string; readonly path: string },
  { status, fields }: { readonly status: number; readonly fields: readonly Field[] },
): readonly string[] {
  if (status < 200 || status >= 400) return [];
  const named = ['location', 'content-location'].flatMap((name) => {
    const value = valueOf(fields, name);
    return value === null ? [] : sameHostPath(value, authority, path);
  });
  return [...new Set([path, ...named])];
}

function sameHostPath(reference: string, authority: string, path: string): readonly string[] {
  const base = URL.parse(`http://${authority}${path.startsWith('/') ? path : '/'}`);
  const found = base === null ? null : URL.parse(reference, base.href);
  if (base === null || found === null || found.host !== base.host) return [];
  return [`${found.pathname}${found.search}`];
}
