/** Has octets to write that wait for the end of the turn. */
export interface Postponed {
  /** Writes what is still to be written; nothing, if that has been done meanwhile. */
  readonly writeNow: () => void;
}

/** So many wait at most, since who waits first waits for the work of all the others. */
const postponedMax = 64;

/**
 * Messages that are written together, when the loop has read from all connections that were ready.
 *
 * A write on the loopback wakes up who reads it, which costs more than the write itself. Written one by one, with the work of a
 * whole request between two writes, each finds its reader asleep again; written together, one wakes it up for all. And the
 * kernel's code and this one's take turns in the caches less often. A turn with one message is as long as it was.
 *
 * Only whole messages are postponed. Who has one waiting writes it before anything else on that connection, so octets never
 * overtake each other.
 */
export class WriteTurn {
  readonly #postponed: Postponed[] = [];
  #count = 0;
  #isAwaited = false;
  readonly #end = (): void => {
    this.#isAwaited = false;
    this.#writeAll();
  };

  add(postponed: Postponed): void {
    this.#postponed[this.#count] = postponed;
    this.#count += 1;
    if (this.#count === postponedMax) this.#writeAll();
    else if (!this.#isAwaited) {
      this.#isAwaited = true;
      setImmediate(this.#end);
    }
  }

  #writeAll(): void {
    const count = this.#count;
    this.#count = 0;
    for (let index = 0; index < count; index += 1) this.#postponed[index]?.writeNow();
  }
}
