/** An edge of a graph of services: `from` asks `to`. */
export interface Dependency {
  readonly from: string;
  readonly to: string;
}

/**
 * The names that are at most `hops` edges from `name`, in either direction, itself included: what it asks, and who asks it. Breadth
 * first, so those nearest come first, and those of one distance in the order of the edges. O(edges).
 *
 * Example: web -> checkout -> payments; around checkout with 1 hop: checkout, web, payments; around web: web, checkout.
 */
export function neighbourhood(
  edges: readonly Dependency[],
  name: string,
  hops: number,
): readonly string[] {
  const near = new Map<string, string[]>();
  for (const { from, to } of edges) {
    listOf(near, from).push(to);
    listOf(near, to).push(from);
  }
  const distances = new Map([[name, 0]]);
  // The map grows while it is walked: whatever is in it is as near as it can be.
  for (const [each, distance] of distances) {
    if (distance === hops) continue;
    for (const other of near.get(each) ?? []) {
      if (!distances.has(other)) distances.set(other, distance + 1);
    }
  }
  return [...distances.keys()];
}

function listOf(lists: Map<string, string[]>, name: string): string[] {
  const known = lists.get(name);
  if (known !== undefined) return known;
  const made: string[] = [];
  lists.set(name, made);
  return made;
}
