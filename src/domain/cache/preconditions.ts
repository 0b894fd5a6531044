import { type Field, httpDateMs, listOf, valueOf } from './http-fields.ts';

/** What a request asks of the answer it gets, by header name; null: not there. */
export type HeaderLookup = (name: string) => string | null;

/** How a stored answer is given to a request: RFC 9110 section 13.2.2, and section 14 for a range. */
export type Rendering =
  | { readonly kind: 'whole' }
  | { readonly kind: 'not-modified' }
  /** Octets [start, end). */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

export interface Rendered {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly bodyBytes: number;
}

/** Preconditions and ranges mean something for a stored 200 only; the rest is given as it is. */
export function rendering(stored: Rendered, header: HeaderLookup): Rendering {
  if (stored.status !== 200) return { kind: 'whole' };
  if (isUnchanged(stored, header)) return { kind: 'not-modified' };
  const range = header('range');
  if (range === null || !isRangeMeant(stored, header('if-range'))) return { kind: 'whole' };
  return rangeOf(range, stored.bodyBytes);
}

/** If-Modified-Since counts only without If-None-Match (RFC 9110 section 13.1.3). */
function isUnchanged({ fields }: Rendered, header: HeaderLookup): boolean {
  const noneMatch = header('if-none-match');
  if (noneMatch !== null) {
    const own = valueOf(fields, 'etag');
    if (noneMatch.trim() === '*') return true;
    return own !== null && listOf(noneMatch).some((each) => opaque(each) === opaque(own));
  }
  const sinceMs = httpDateMs(header('if-modified-since'));
  if (sinceMs === null) return false;
  const modifiedMs =
    httpDateMs(valueOf(fields, 'last-modified')) ?? httpDateMs(valueOf(fields, 'date'));
  return modifiedMs !== null && modifiedMs <= sinceMs;
}

/** Weak comparison (RFC 9110 section 8.8.3.2). */
function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/** If-Range needs the strong comparison, and a date that is the very one (RFC 9110 section 13.1.5). */
function isRangeMeant({ fields }: Rendered, ifRange: string | null): boolean {
  if (ifRange === null) return true;
  if (ifRange.startsWith('"')) return ifRange === valueOf(fields, 'etag');
  if (ifRange.startsWith('W/')) return false;
  const wantedMs = httpDateMs(ifRange);
  return wantedMs !== null && wantedMs === httpDateMs(valueOf(fields, 'last-modified'));
}

/** One range of octets; of several, or of another unit, nothing has to be made (RFC 9110 section 14.2). */
function rangeOf(value: string, bodyBytes: number): Rendering {
  const found = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(value);
  if (found === null) return { kind: 'whole' };
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') {
    const suffix = Math.min(Number(last), bodyBytes);
    if (suffix === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', start: bodyBytes - suffix, end: bodyBytes };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  if (start >= bodyBytes) return { kind: 'unsatisfiable' };
  return {
    kind: 'part',
    start,
    end: last === '' ? bodyBytes : Math.min(Number(last) + 1, bodyBytes),
  };
}

/** What to ask an instance with whether a stored answer is still right (section 4.3.1 of RFC 9111); null: nothing. */
export function validatorsOf(fields: readonly Field[]): readonly Field[] | null {
  const tag = valueOf(fields, 'etag');
  const modified = valueOf(fields, 'last-modified');
  if (tag === null && modified === null) return null;
  return [
    ...(tag === null ? [] : [['if-none-match', tag] as const]),
    ...(modified === null ? [] : [['if-modified-since', modified] as const]),
  ];
}
