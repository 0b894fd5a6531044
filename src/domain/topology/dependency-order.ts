/** An order in which every name comes after all it depends on, or a cycle that rules one out. */
export type DependencyOrder =
  | { readonly kind: 'order'; readonly names: readonly string[] }
  /** Each name depends on the next one, and the last on the first: a, b, c for a -> b -> c -> a. */
  | { readonly kind: 'cycle'; readonly cycle: readonly string[] };

/**
 * Orders names by what they depend on, dependencies first, in O(names + dependencies). Stable: the order goes in waves,
 * first the names that depend on nothing, then those that depend only on earlier waves, and within a wave as in the
 * input. A dependency that is no name of the input does not count.
 *
 * Kahn's algorithm (Communications of the ACM 5(11), 1962). Example: web on checkout, checkout on payments gives
 * payments, checkout, web.
 */
export function dependencyOrder(nodes: ReadonlyMap<string, readonly string[]>): DependencyOrder {
  const waves = wavesOf(nodes);
  if (waves.size < nodes.size) return { kind: 'cycle', cycle: findCycle(nodes, waves) };
  const namesByWave: string[][] = [];
  for (const name of nodes.keys()) (namesByWave[waves.get(name) ?? 0] ??= []).push(name);
  return { kind: 'order', names: namesByWave.flat() };
}

/** The wave of each name, counting from 0; names on a cycle, or behind one, have none. */
function wavesOf(nodes: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const dependents = new Map<string, string[]>();
  const missingCount = new Map<string, number>();
  for (const name of nodes.keys()) dependents.set(name, []);
  for (const [name, dependencies] of nodes) {
    const known = dependencies.filter((dependency) => nodes.has(dependency));
    missingCount.set(name, known.length);
    for (const dependency of known) dependents.get(dependency)?.push(name);
  }
  const waves = new Map<string, number>();
  for (const [name, count] of missingCount) if (count === 0) waves.set(name, 0);
  // The map grows while it is walked, wave after wave: everything in it is placed, and frees what waited for it.
  for (const [placed, wave] of waves) {
    for (const dependent of dependents.get(placed) ?? []) {
      const missing = (missingCount.get(dependent) ?? 0) - 1;
      missingCount.set(dependent, missing);
      if (missing === 0) waves.set(dependent, wave + 1);
    }
  }
  return waves;
}

/**
 * A cycle among what could not be placed. Every such name has a dependency that could not be placed either, so
 * following the first of them must come to a name seen before; from there on it is the cycle.
 */
function findCycle(
  nodes: ReadonlyMap<string, readonly string[]>,
  placed: ReadonlyMap<string, number>,
): readonly string[] {
  const isOpen = (name: string): boolean => nodes.has(name) && !placed.has(name);
  const walked = new Map<string, number>();
  let at = [...nodes.keys()].find(isOpen);
  while (at !== undefined && !walked.has(at)) {
    walked.set(at, walked.size);
    at = nodes.get(at)?.find(isOpen);
  }
  const start = at === undefined ? 0 : (walked.get(at) ?? 0);
  return [...walked.keys()].slice(start);
}
