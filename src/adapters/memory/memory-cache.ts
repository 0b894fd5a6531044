import { secondaryKey } from '../../domain/cache/cache-key.ts';
import type { HeaderLookup } from '../../domain/cache/preconditions.ts';
import type { CacheStore, FoundAnswer } from '../../ports/cache-store.ts';

/** Cached answers in this process, for as many caches as are given it. It keeps them for good: what is asked for knows its own time. */
export class MemoryCache implements CacheStore {
  isReady = true;
  readonly #resources = new Map<string, ReadonlyMap<string, FoundAnswer>>();

  get(primary: string, header: HeaderLookup): Promise<FoundAnswer | null> {
    for (const [secondary, found] of this.#resources.get(primary) ?? []) {
      if (secondaryKey(found.answer.vary, header) === secondary) return Promise.resolve(found);
    }
    return Promise.resolve(null);
  }

  put(primary: string, found: FoundAnswer): Promise<void> {
    const { secondary, answer } = found;
    const known = [...(this.#resources.get(primary) ?? [])];
    // Chosen by something else from now on.
    const alike = known.filter(([, each]) => each.answer.vary.join() === answer.vary.join());
    this.#resources.set(primary, new Map([...alike, [secondary, found]]));
    return Promise.resolve();
  }

  remove(primaries: readonly string[]): Promise<void> {
    for (const primary of primaries) this.#resources.delete(primary);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#resources.clear();
    return Promise.resolve();
  }
}
