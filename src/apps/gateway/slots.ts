/** How many of something an engine may have at a time. */
export class Slots {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** False: there are as many as there may be. */
  take(): boolean {
    if (this.#taken >= this.#max) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
  }
}

/** Of an engine, being taken up or under way; each has `mirrorBodyBytesMax` and a head. */
export const mirrorCopiesMax = 256;
/** Requests that wait for a fault's delay; more are not held up. */
export const delaysMax = 1000;
