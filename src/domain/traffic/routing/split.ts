/**
 * Which backend gets the next request: weighted, exact over short runs, without chance.
 *
 * Every backend earns its weight with each request and pays 1,000 when it is chosen; its credit is what it is owed in
 * thousandths of a request. The choice is Tijdeman's for the chairman assignment problem (R. Tijdeman, "The chairman
 * assignment problem", Discrete Mathematics 32, 1980): among the backends owed at least 1/(2k-2) of a request, the one
 * that would be overdue first.
 *
 * - S1. After n requests with k >= 2 weighted backends each has had n * weight requests, off by at most 1 - 1/(2k-2);
 *   so in any window of requests it is off by at most 2 - 1/(k-1), which is 1 for stable and candidate.
 * - S2. Credits sum to 0.
 * - S3. A backend with weight 0 is never chosen.
 * - S4. A change of weights keeps what backends are owed: with two backends S1 holds over changes at any rate, so a
 *   table pushed every few requests does not starve a share of 0.1 %.
 *
 * - S5. Routers that split the same traffic, each on its own, begin with different debts that sum to 0 (`phase`), so that
 *   their errors cancel out where they can. N of them are together off by at most N times what S1 allows, however requests
 *   are dealt to them: N/2 for stable and candidate.
 *
 * Worked example: at 95:5 the candidate is owed 0.5 at its 10th request, is chosen, and then at 30, 50, ... 990:
 * 1,000 requests give exactly 50.
 */
export interface Split {
  readonly keys: readonly string[];
  /** Integers that sum to 1,000. */
  readonly permille: readonly number[];
  /** Thousandths of a request, integers; changed in place by `nextIndex`, because it runs for every request. */
  readonly credits: number[];
}

/** A backend's name and share; weights are multiples of 0.1 that sum to 100. */
export interface Share {
  readonly key: string;
  readonly weightPercent: number;
}

/** Index of the share that gets the next request; -1 when no share has any weight. Changes the credits. */
export function nextIndex(split: Split): number {
  const { permille, credits } = split;
  let weighted = 0;
  // By index, as in `pick`: an iterator would be garbage of each request.
  for (let index = 0; index < permille.length; index += 1) {
    const weight = permille[index] ?? 0;
    credits[index] = (credits[index] ?? 0) + weight;
    if (weight > 0) weighted += 1;
  }
  const chosen = weighted <= 1 ? permille.findIndex((weight) => weight > 0) : pick(split, weighted);
  if (chosen >= 0) credits[chosen] = (credits[chosen] ?? 0) - 1000;
  return chosen;
}

/**
 * A split for new shares that keeps, for the ones that stay, what they were owed (S4). What comes in is owed `phase`, in
 * (-0.5, 0.5): 0 for a router that splits alone, (i + 0.5) / N - 0.5 for the i-th of N (S5).
 */
export function splitOf(shares: readonly Share[], previous: Split | null, phase = 0): Split {
  const permille = shares.map((share) => Math.round(share.weightPercent * 10));
  const others = permille.filter((weight) => weight > 0).length - 1;
  const heaviest = heaviestOf(permille);
  const credits = shares.map((share, index) => {
    if (permille[index] === 0) return 0;
    const before = previous === null ? -1 : previous.keys.indexOf(share.key);
    const isIn = previous !== null && (previous.permille[before] ?? 0) > 0;
    if (isIn) return previous.credits[before] ?? 0;
    return index === heaviest ? 0 : Math.trunc((phase * 1000) / others);
  });
  return { keys: shares.map((share) => share.key), permille, credits: balanced(credits, permille) };
}

function pick(split: Split, weighted: number): number {
  const scale = 2 * weighted - 2;
  let chosen = -1;
  let earliest = Infinity;
  let mostOwed = -1;
  for (let index = 0; index < split.permille.length; index += 1) {
    const weight = split.permille[index] ?? 0;
    if (weight === 0) continue;
    const credit = split.credits[index] ?? 0;
    if (mostOwed < 0 || credit > (split.credits[mostOwed] ?? 0)) mostOwed = index;
    if (credit * scale < 1000) continue;
    const overdueAfter = (1000 * (scale - 1) - credit * scale) / weight;
    if (overdueAfter < earliest) {
      earliest = overdueAfter;
      chosen = index;
    }
  }
  // Just after a change among three or more nobody may be owed 1/(2k-2) yet; the most owed goes first then.
  return chosen < 0 ? mostOwed : chosen;
}

/** What a share that left was owed is taken over by the others, mostly by the heaviest, so that S2 holds. */
function balanced(credits: readonly number[], permille: readonly number[]): number[] {
  const surplus = credits.reduce((sum, credit) => sum + credit, 0);
  const heaviest = heaviestOf(permille);
  const spread = credits.map((credit, index) => {
    return credit - Math.trunc((surplus * (permille[index] ?? 0)) / 1000);
  });
  const rest = spread.reduce((sum, credit) => sum + credit, 0);
  return spread.map((credit, index) => (index === heaviest ? credit - rest : credit));
}

function heaviestOf(permille: readonly number[]): number {
  return permille.indexOf(Math.max(...permille));
}
