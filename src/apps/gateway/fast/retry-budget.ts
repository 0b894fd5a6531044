/** Of requests, in the long run: retries must not double the load of instances that are failing under it. */
const retryRatio = 0.2;
/** What may be tried again at once, after a quiet time. */
const burstMax = 100;

/** How many requests may still be tried again. */
export class RetryBudget {
  readonly #burstMax: number;
  #left: number;

  /** `processShare`: of the burst, so that several processes together have one. */
  constructor(processShare = 1) {
    this.#burstMax = Math.max(1, burstMax * processShare);
    this.#left = this.#burstMax;
  }

  /** A request has come. */
  earn(): void {
    this.#left = Math.min(this.#burstMax, this.#left + retryRatio);
  }

  /** False: too many have been tried again already. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
