import { type PathReadings, pathReadings } from './path-readings.ts';

/**
 * `/a` is this path alone, `/a/*` it and all below it by whole elements, `*` every path. (To Istio `/a/*` is not `/a` itself, and a
 * DENY rule of it lets the folder through.)
 */
export type PathPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact' | 'prefix'; readonly path: string };

export function pathPattern(written: string): PathPattern {
  if (written === '*' || written === '/*') return { kind: 'any' };
  if (!written.endsWith('/*')) return { kind: 'exact', path: written };
  return { kind: 'prefix', path: written.slice(0, -2) };
}

/** A request's path with what it may mean, which is looked into once and only if a rule asks. */
export class AskedPath {
  readonly #target: string;
  #readings: PathReadings | null = null;

  /** Path and query as they came. */
  constructor(target: string) {
    this.#target = target;
  }

  /** All of its readings are within one of the patterns (P1). */
  isAllWithin(patterns: readonly PathPattern[]): boolean {
    if (patterns.some(({ kind }) => kind === 'any')) return true;
    const read = this.#read();
    if (read.kind === 'unreadable') return false;
    return read.paths.every((path) => patterns.some((pattern) => isWithin(pattern, path)));
  }

  /** One of its readings may be within one of the patterns, in any case and with or without a slash at its end. */
  isMaybeWithin(patterns: readonly PathPattern[]): boolean {
    if (patterns.some(({ kind }) => kind === 'any')) return true;
    const read = this.#read();
    if (read.kind === 'unreadable') return true;
    return read.paths.some((path) => {
      const loose = looseForm(path);
      return patterns.some((pattern) => isLooselyWithin(pattern, loose));
    });
  }

  #read(): PathReadings {
    if (this.#readings === null) {
      const end = this.#target.search(/[?#]/);
      this.#readings = pathReadings(end < 0 ? this.#target : this.#target.slice(0, end));
    }
    return this.#readings;
  }
}

function isWithin(pattern: PathPattern, path: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'exact':
      return path === pattern.path;
    case 'prefix':
      return path === pattern.path || path.startsWith(`${pattern.path}/`);
  }
}

function isLooselyWithin(pattern: PathPattern, loose: string): boolean {
  if (pattern.kind === 'any') return true;
  return isWithin({ kind: pattern.kind, path: looseForm(pattern.path) }, loose);
}

/** Servers that take no notice of case or of a slash at the end are common. */
function looseForm(path: string): string {
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}

/** Every path of `inner` is one of `outer`. */
export function isPatternWithin(inner: PathPattern, outer: PathPattern): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'any') return false;
  if (outer.kind === 'exact') return inner.kind === 'exact' && inner.path === outer.path;
  return isWithin(outer, inner.path);
}
