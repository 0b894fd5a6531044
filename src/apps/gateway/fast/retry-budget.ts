/** Of requests, in the long run: retries must not double the load of instances that are failing under it. */
const retryRatio = 0.2;
/** What may be tried again at once, after a quiet time. */
const burstMax = 100;

/** How many requests may still be tried again. */
export class RetryBudget {
  #left = burstMax;

  /** A request has come. */
  earn(): void {
    this.#left = Math.min(burstMax, this.#left + retryRatio);
  }

  /** False: too many have been tried again already. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
