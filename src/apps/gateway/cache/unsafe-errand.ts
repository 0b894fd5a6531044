import { cacheStatusText } from '../../../domain/cache/cache-status.ts';
import { invalidatedPaths } from '../../../domain/cache/invalidation.ts';
import type { FetchedHead } from '../../../domain/cache/storing.ts';
import type { Errand, HeadOrder, Served } from './errand.ts';

/** A request that may change what is stored: its answer says whether it has, before its caller hears of it. */
export class UnsafeErrand implements Errand {
  readonly validators = null;
  readonly #request: { readonly authority: string; readonly path: string };
  readonly #onChanged: (paths: readonly string[]) => void;

  constructor(
    request: { readonly authority: string; readonly path: string },
    onChanged: (paths: readonly string[]) => void,
  ) {
    this.#request = request;
    this.#onChanged = onChanged;
  }

  head(head: FetchedHead): HeadOrder {
    const paths = invalidatedPaths(this.#request, head);
    if (paths.length > 0) this.#onChanged(paths);
    return { kind: 'pass', status: cacheStatusText({ kind: 'forward', because: 'method' }) };
  }

  data(): void {}

  whole(): void {}

  failed(): Served | null {
    return null;
  }
}
