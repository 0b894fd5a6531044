import { type CachePurge, type CacheRule, cacheRuleLimits, purgesMax } from './cache-rule.ts';

/** Takes a fault: where it is, and what is wrong. */
type Note = (place: string, message: string) => void;

const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** What could not stand in a query, or in a list of tags. */
const queryName = /^[^\s&=#]+$/;
const tag = /^[!-+\--~]+$/;

/** Notes everything that is out of its bounds or contradicts itself, with its place below `place`. */
export function checkCacheRule(rule: CacheRule, place: string, note: Note): void {
  const { ttlMs, staleMs, memoryBytesMin, memoryBytes, entryBytesMin, entryBytes, waitMs } =
    cacheRuleLimits;
  const within = (key: keyof CacheRule, min: number, max: number): void => {
    const value = rule[key];
    if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) return;
    note(`${place}.${key}`, `must be an integer from ${min} to ${max}, but is ${String(value)}`);
  };
  within('ttlMs', 0, ttlMs);
  within('ttlMaxMs', 1, ttlMs);
  within('staleWhileRevalidateMs', 0, staleMs);
  within('staleIfErrorMs', 0, staleMs);
  within('memoryBytes', memoryBytesMin, memoryBytes);
  within('entryBytesMax', entryBytesMin, entryBytes);
  within('waitMs', 0, waitMs);
  if (rule.ttlMs > rule.ttlMaxMs) note(`${place}.ttlMs`, `is longer than ttlMaxMs`);
  if (rule.entryBytesMax > rule.memoryBytes) {
    note(`${place}.entryBytesMax`, 'is more than all of memoryBytes');
  }
  if (!(rule.evidencePercent > 0 && rule.evidencePercent <= 100)) {
    note(`${place}.evidencePercent`, `must be above 0 and at most 100`);
  }
  checkNames(rule.ignoreQuery, queryName, `${place}.ignoreQuery`, note);
  checkNames(rule.varyBy, headerName, `${place}.varyBy`, note);
  checkNames(rule.tags, tag, `${place}.tags`, note);
}

function checkNames(names: readonly string[], pattern: RegExp, place: string, note: Note): void {
  const { names: most, nameLength } = cacheRuleLimits;
  if (names.length > most) note(place, `more than ${most}`);
  for (const [index, name] of names.entries()) {
    if (name.length <= nameLength && pattern.test(name)) continue;
    note(`${place}[${index}]`, `'${name.slice(0, 40)}' can't be one`);
  }
}

export function checkPurges(purges: readonly CachePurge[], place: string, note: Note): void {
  if (purges.length > purgesMax) note(place, `more than ${purgesMax}`);
  for (const [index, { atMs, what }] of purges.entries()) {
    const at = `${place}[${index}]`;
    if (!Number.isSafeInteger(atMs) || atMs < 0)
      note(`${at}.atMs`, 'must be a time in ms since 1970');
    const problem = purgedPartProblem(what);
    if (problem !== null) note(`${at}.what`, problem);
  }
}

/** Null: it can be purged. */
export function purgedPartProblem(what: CachePurge['what']): string | null {
  switch (what.kind) {
    case 'all':
      return null;
    case 'tag':
      return tag.test(what.tag) && what.tag.length <= cacheRuleLimits.tagLength
        ? null
        : 'a tag has 1 to 256 visible ASCII characters and no comma';
    case 'path':
      return /^\/[!-~]*$/.test(what.path) && what.path.length <= 4096
        ? null
        : 'a path begins with / and has at most 4,096 characters, encoded as in a URL';
  }
}
