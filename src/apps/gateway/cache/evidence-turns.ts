import { PercentTurns } from '../../../domain/traffic/percent-turns.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';

/**
 * Which requests to read something are evidence where a route with a cache is split: those that pass the cache by, a share that is
 * taken in turn before the backend is. A new revision's cache is cold, so what is missed there and here is not alike.
 */
export class EvidenceTurns {
  readonly #turns: PercentTurns;

  /** Null: there is no cache, or all goes to one revision. */
  static of(
    { policy, backends }: Route,
    before: EvidenceTurns | null,
    startRatio: number,
  ): EvidenceTurns | null {
    const isSplit = backends.filter(({ weightPercent }) => weightPercent > 0).length > 1;
    if (policy?.cache === undefined || !isSplit) return null;
    const { evidencePercent } = policy.cache;
    return new EvidenceTurns(
      new PercentTurns(evidencePercent, before === null ? null : before.#turns, startRatio),
    );
  }

  private constructor(turns: PercentTurns) {
    this.#turns = turns;
  }

  /** To be called once for each request. */
  isSpared({ method }: { readonly method?: string | undefined }): boolean {
    return (method === 'GET' || method === 'HEAD') && !this.#turns.next();
  }
}
