/** The known key a mistyped one was most likely meant to be; null: none is near. The first of equally near ones. */
export function nearestKey(typed: string, known: readonly string[]): string | null {
  if (typed.length > typedLengthMax) return null;
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const key of known) {
    // Case is forgiven: `livepath` is nearer to `livePath` than its letters say.
    const distance = editDistance(typed.toLowerCase(), key.toLowerCase());
    if (distance <= distanceMax(key) && distance < bestDistance) {
      best = key;
      bestDistance = distance;
    }
  }
  return best;
}

/** Longer ones are no slip of a known key, and comparing them costs time. */
const typedLengthMax = 40;

/** A third of the key may be wrong, one letter always: `mn` is `min`, `hst` is `host`, `objectivs` is `objectives`. */
function distanceMax(key: string): number {
  return Math.max(1, Math.floor(key.length / 3));
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other (optimal string
 * alignment: Damerau 1964; Wagner and Fischer 1974). Example: `wieght` to `weight` is 1, a swap.
 */
function editDistance(from: string, to: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const edit = Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] && i > 1 && j > 1;
      current.push(swapped ? Math.min(edit, (twoBack[j - 2] ?? 0) + 1) : edit);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
