import type { HeaderLookup } from '../../../domain/cache/preconditions.ts';
import { ageMs, type StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import { validatorsOf } from '../../../domain/cache/preconditions.ts';
import type { CacheStore, FoundAnswer } from '../../../ports/cache-store.ts';

export type FarLookup =
  | ({ readonly kind: 'found' } & FoundAnswer)
  | { readonly kind: 'none' }
  | { readonly kind: 'failed' };

/** Longer than a Redis on the same network takes, and short beside what an instance does. */
const usualBoundMs = 25;
/** So many failures in a row, and it is not asked for a while: a slow Redis would hold up every request. */
const failuresMax = 3;
const firstRestMs = 250;
const lastRestMs = 5000;
/** Writes under way; what comes beyond is not written. */
const writesMax = 256;
/** An answer that can be asked about is worth keeping a while after it is stale. */
const validatableMs = 60_000;

/**
 * What lies behind memory, as a request sees it: asked with a deadline, and not at all while it does not answer.
 *
 * - D1. A request waits `boundMs` for it at most, and no failure of it is anybody's.
 * - D2. After three failures in a row it rests, longer each time; then one request tries it.
 * - D3. Writes are nobody's wait. After a failed removal nothing is taken from it that was put before it.
 */
export class FarLayer implements AsyncDisposable {
  readonly boundMs: number;
  readonly #store: CacheStore;
  #failures = 0;
  #restMs = firstRestMs;
  #restsUntilMs = 0;
  #isTried = false;
  #writes = 0;
  /** Since the Unix epoch: what was fetched before is not believed (D3). */
  #believedFromMs = 0;

  constructor(store: CacheStore, boundMs: number = usualBoundMs) {
    this.#store = store;
    this.boundMs = boundMs;
  }

  get isThere(): boolean {
    if (!this.#store.isReady) return false;
    if (this.#failures < failuresMax) return true;
    return performance.now() >= this.#restsUntilMs && !this.#isTried;
  }

  /** Never rejects. */
  async get(primary: string, header: HeaderLookup): Promise<FarLookup> {
    this.#isTried = this.#failures >= failuresMax;
    try {
      const found = await this.#store.get(primary, header, AbortSignal.timeout(this.boundMs));
      this.#worked();
      const isBelieved = found !== null && found.answer.requestAtMs > this.#believedFromMs;
      return isBelieved ? { kind: 'found', ...found } : { kind: 'none' };
    } catch {
      // Its adapter tells operators; a request goes on as if nothing were there.
      this.#failed();
      return { kind: 'failed' };
    }
  }

  put(primary: string, secondary: string, answer: StoredAnswer): void {
    const { terms, fields } = answer;
    const staleMs = Math.max(
      terms.staleWhileRevalidateMs,
      terms.staleIfErrorMs,
      validatorsOf(fields) === null ? 0 : validatableMs,
    );
    const keptMs = terms.lifetimeMs - ageMs(terms, Date.now()) + staleMs;
    if (keptMs <= 0 || this.#writes >= writesMax || !this.isThere) return;
    this.#write((signal) => this.#store.put(primary, { secondary, answer }, keptMs, signal));
  }

  remove(primaries: readonly string[]): void {
    const atMs = Date.now();
    const lost = (): void => {
      this.#believedFromMs = Math.max(this.#believedFromMs, atMs);
    };
    if (!this.#store.isReady) lost();
    else this.#write((signal) => this.#store.remove(primaries, signal), lost);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  #write(write: (signal: AbortSignal) => Promise<void>, onFailed: () => void = () => {}): void {
    this.#writes += 1;
    void write(AbortSignal.timeout(writeBoundMs))
      .then(
        () => this.#worked(),
        () => {
          this.#failed();
          onFailed();
        },
      )
      .then(() => {
        this.#writes -= 1;
      });
  }

  #worked(): void {
    this.#failures = 0;
    this.#restMs = firstRestMs;
    this.#isTried = false;
  }

  #failed(): void {
    this.#failures += 1;
    this.#isTried = false;
    if (this.#failures < failuresMax) return;
    this.#restsUntilMs = performance.now() + this.#restMs;
    this.#restMs = Math.min(lastRestMs, this.#restMs * 2);
  }
}

const writeBoundMs = 1000;
