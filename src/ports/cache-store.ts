import type { HeaderLookup } from '../domain/cache/preconditions.ts';
import type { StoredAnswer } from '../domain/cache/stored-answer.ts';

/**
 * A place for cached answers behind the memory of the processes that share it.
 *
 * - Whatever was put may be gone.
 * - What was written by somebody else, in another format or damaged, is given as nothing.
 * - Each call takes as long as its signal lets it; who asks goes on without. Nothing is tried again.
 * - Rejects when it cannot be known what it has.
 */
export interface CacheStore extends AsyncDisposable {
  /** Whether it is worth asking now. */
  readonly isReady: boolean;
  /** The answer that a request with these headers gets; null: there is none. */
  get(primary: string, header: HeaderLookup, signal: AbortSignal): Promise<FoundAnswer | null>;
  /** Kept for `keptMs` at most. */
  put(primary: string, found: FoundAnswer, keptMs: number, signal: AbortSignal): Promise<void>;
  /** All answers of these resources. */
  remove(primaries: readonly string[], signal: AbortSignal): Promise<void>;
}

export interface FoundAnswer {
  readonly secondary: string;
  readonly answer: StoredAnswer;
}
