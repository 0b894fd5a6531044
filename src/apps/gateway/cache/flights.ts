import type { StoredAnswer } from '../../../domain/cache/stored-answer.ts';

/** How a fetch for several ended: what it brought is there; it may not be shared; or it failed, and says nothing of the next. */
export type Landing = 'stored' | 'not-shared' | 'failed';

/** Fetches under way, for those that want the same. */
export class Flights {
  readonly #underWay = new Map<string, Flight>();

  get(key: string): Flight | null {
    return this.#underWay.get(key) ?? null;
  }

  begin(key: string): Flight {
    const flight = new Flight(() => {
      if (this.#underWay.get(key) === flight) this.#underWay.delete(key);
    });
    this.#underWay.set(key, flight);
    return flight;
  }
}

/** One fetch, which others may wait for. */
export class Flight {
  readonly #landed = Promise.withResolvers<Landing>();
  readonly #onLanded: () => void;
  #isOver = false;
  /** For those that waited; null: nothing for them. */
  brought: { readonly secondary: string; readonly answer: StoredAnswer } | null = null;

  constructor(onLanded: () => void) {
    this.#onLanded = onLanded;
  }

  /** Only the first word counts. */
  land(how: Landing): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onLanded();
    this.#landed.resolve(how);
  }

  /** Resolves when it has landed, or after `boundMs`. */
  async wait(boundMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, boundMs));
    void this.#landed.promise.then(() => resolve());
    await promise;
    clearTimeout(timer);
  }
}
