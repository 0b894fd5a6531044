/**
 * A bounded queue between the world and the loop: the world puts in, the loop takes at its own pace.
 * What doesn't fit is refused to the caller, who decides what losing it means.
 */
export class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #limit: number;
  #wake: (() => void) | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False: full, the item was not taken. */
  put(item: Item): boolean {
    if (this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** The oldest item; waits for one. Rejects with the signal's reason when aborted. */
  async take(signal: AbortSignal): Promise<Item> {
    for (;;) {
      signal.throwIfAborted();
      const item = this.#items.shift();
      if (item !== undefined) return item;
      await this.#waitForItem(signal);
    }
  }

  #waitForItem(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#wake = null;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
