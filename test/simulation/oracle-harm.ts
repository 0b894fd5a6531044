import type { Of } from './happening.ts';
import type { Note } from './oracle.ts';
import type { SeenRollout, SeenService } from './oracle-entries.ts';
import type { Story } from './world.ts';

/** A fault that is over may still show for as long as the longest wait between two tries, and one slow answer. */
const echoMs = 20_000;
/** Both must be passed: few requests take long to tell, and a moment of many says little. */
const harmMaxMs = 15_000;
const harmRequestsMax = 500;

/**
 * O11: how many requests a candidate under way has failed without excuse. Trouble with the ledger is no excuse: the way
 * back does not wait for it. A candidate must fail at least a fifth of its requests and have its chance to be seen.
 */
export class HarmMeter {
  readonly #story: Story;
  #isWatched = false;
  /** By rollout. */
  readonly #since = new Map<string, { readonly sinceMs: number; requests: number }>();

  constructor(story: Story) {
    this.#story = story;
  }

  see(
    { revisionId, requests, atMs }: Of<'harm'>,
    services: readonly SeenService[],
    note: Note,
  ): void {
    const open = services.find((each) => each.open?.candidateId === revisionId)?.open ?? null;
    // Nothing judges what is rolled before it has everything, and then it goes back as slowly as instances start.
    const isJudged =
      open !== null && open.stableId !== null && !open.isRolled && !this.#isBad(open.stableId);
    if (!this.#isWatched || !isJudged || this.#isExcused(atMs, open) || this.#isMild(revisionId)) {
      this.#since.delete(open?.id ?? '');
      return;
    }
    const harm = this.#since.get(open.id) ?? { sinceMs: atMs, requests: 0 };
    harm.requests += requests;
    this.#since.set(open.id, harm);
    const forMs = atMs - harm.sinceMs;
    if (forMs <= harmMaxMs || harm.requests <= harmRequestsMax) return;
    this.#since.delete(open.id);
    note('O11', `${revisionId} failed ${harm.requests} requests in ${forMs} ms unhindered`);
  }

  /** Out of the users' way: what it failed until then was seen to, and how often that may happen is bounded. */
  parked(rolloutId: string): void {
    this.#since.delete(rolloutId);
  }

  /** Nobody can be blamed for what happens while the loop is away. */
  setWatched(isWatched: boolean): void {
    this.#isWatched = isWatched;
    this.#since.clear();
  }

  #isExcused(atMs: number, open: SeenRollout): boolean {
    const nowMs = atMs - this.#story.startMs;
    const faults = this.#story.scenario.faults.filter(
      ({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs + echoMs,
    );
    if (faults.some(({ kind }) => !kind.startsWith('store-'))) return true;
    return faults.length > 0 && !this.#isHeldByGate(open);
  }

  /**
   * A step forward that was decided and waits for the ledger is not seen from outside, and the old step is not judged any
   * more. Only a gate that can't have passed shows that there is none.
   */
  #isHeldByGate({ candidateId, gatedPercents, weightPercent }: SeenRollout): boolean {
    const isBadFromStart = this.#story.scenario.services.some(({ behaviours }) => {
      const behaviour = behaviours.get(candidateId);
      return behaviour?.kind === 'failing' && behaviour.afterMs === 0;
    });
    return isBadFromStart && gatedPercents.includes(weightPercent);
  }

  /** Beside a stable revision that is bad as well, the candidate is no worse. */
  #isBad(revisionId: string): boolean {
    const kinds = this.#story.scenario.services.map(
      ({ behaviours }) => behaviours.get(revisionId)?.kind,
    );
    return !kinds.some((kind) => kind === 'healthy' || kind === 'slow-start');
  }

  #isMild(revisionId: string): boolean {
    return this.#story.scenario.services.some(({ behaviours }) => {
      const behaviour = behaviours.get(revisionId);
      return behaviour?.kind === 'failing' && behaviour.ratio < 0.2;
    });
  }
}
