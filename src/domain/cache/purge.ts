import { type CachePurge, type PurgedPart, purgesMax } from './cache-rule.ts';
import type { StoredAnswer } from './stored-answer.ts';

/** Whether an entry has been removed by one of these purges. `path` is the request's, with its query. */
export function isPurged(
  purges: readonly CachePurge[],
  path: string,
  { requestAtMs, tags }: Pick<StoredAnswer, 'requestAtMs' | 'tags'>,
): boolean {
  return purges.some(({ atMs, what }) => requestAtMs <= atMs && isMeant(what, path, tags));
}

function isMeant(what: PurgedPart, path: string, tags: readonly string[]): boolean {
  switch (what.kind) {
    case 'all':
      return true;
    case 'tag':
      return tags.includes(what.tag);
    case 'path':
      return isPathMeant(what.path, path);
  }
}

function isPathMeant(wanted: string, path: string): boolean {
  if (wanted.endsWith('*')) return path.startsWith(wanted.slice(0, -1));
  if (wanted.includes('?')) return path === wanted;
  const at = path.indexOf('?');
  return (at < 0 ? path : path.slice(0, at)) === wanted;
}

/** One more; beyond their bound the older half becomes one that takes everything of its time, which is never too little. */
export function withPurge(purges: readonly CachePurge[], purge: CachePurge): readonly CachePurge[] {
  if (purge.what.kind === 'all') return [purge];
  const all = [...purges, purge];
  if (all.length <= purgesMax) return all;
  const older = all.slice(0, purgesMax / 2);
  const atMs = Math.max(...older.map((each) => each.atMs));
  return [{ atMs, what: { kind: 'all' } }, ...all.slice(purgesMax / 2)];
}
