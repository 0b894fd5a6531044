const slotMs = 1000;
const slotCount = 10;

/**
 * How many requests may be tried again: retries must not double the load of instances that are failing under it. Counted over the last
 * ten seconds, in slots of one (the Gateway API's `retryConstraint` has the same percentage, interval and least rate).
 * Changed in place, since it runs for every request.
 */
export class RetryBudget {
  readonly #requests = new Float64Array(slotCount);
  readonly #retries = new Float64Array(slotCount);
  #requestSum = 0;
  #retrySum = 0;
  #slot = 0;
  readonly #processShare: number;

  /** `processShare`: of the least rate, so that several processes together have one. */
  constructor(processShare = 1) {
    this.#processShare = processShare;
  }

  /** A request has come. */
  earn(nowMs: number): void {
    this.#turnTo(nowMs);
    const index = this.#slot % slotCount;
    this.#requests[index] = (this.#requests[index] ?? 0) + 1;
    this.#requestSum += 1;
  }

  /** False: too many have been tried again already. */
  spend(
    nowMs: number,
    limits: { readonly budgetPercent: number; readonly minPerSecond: number },
  ): boolean {
    this.#turnTo(nowMs);
    const allowed = Math.max(
      (this.#requestSum * limits.budgetPercent) / 100,
      Math.ceil(limits.minPerSecond * slotCount * this.#processShare),
    );
    if (this.#retrySum + 1 > allowed) return false;
    const index = this.#slot % slotCount;
    this.#retries[index] = (this.#retries[index] ?? 0) + 1;
    this.#retrySum += 1;
    return true;
  }

  #turnTo(nowMs: number): void {
    const slot = Math.floor(nowMs / slotMs);
    if (slot <= this.#slot) return;
    const passed = Math.min(slotCount, slot - this.#slot);
    for (let step = 1; step <= passed; step += 1) {
      const index = (this.#slot + step) % slotCount;
      this.#requestSum -= this.#requests[index] ?? 0;
      this.#retrySum -= this.#retries[index] ?? 0;
      this.#requests[index] = 0;
      this.#retries[index] = 0;
    }
    this.#slot = slot;
  }
}
