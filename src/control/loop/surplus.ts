import type { Instance } from '../../ports/platform.ts';

/**
 * Whom to stop when there are to be `count`: those that do not serve, as nobody misses them, then the newest.
 * `isNewest`: these are the ones that the platform stops by itself.
 */
export function surplusOf(
  instances: readonly Instance[],
  revisionId: string,
  count: number,
): { readonly going: readonly string[]; readonly isNewest: boolean } {
  const own = instances
    .filter((each) => each.revisionId === revisionId && each.state !== 'stopping')
    .toSorted((a, b) => numberOf(a) - numberOf(b));
  const surplus = Math.max(0, own.length - count);
  const newest = own.slice(own.length - surplus);
  const going = own
    .toSorted((a, b) => Number(isServing(a)) - Number(isServing(b)) || numberOf(b) - numberOf(a))
    .slice(0, surplus);
  return {
    going: going.map(({ id }) => id),
    isNewest: going.every((each) => newest.includes(each)),
  };
}

/** `<revision id>-<n>`. */
function numberOf({ id, revisionId }: Instance): number {
  return Number(id.slice(revisionId.length + 1));
}

function isServing({ state }: Instance): boolean {
  return state === 'ready';
}
