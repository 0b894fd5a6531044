/** Means of so long are the values that scaling looks at. */
const secondMs = 1000;

/** Mean of the last second; see LoadWindow. */
export interface UnderWaySecond {
  readonly atMs: number;
  /** By instance; null: nobody knew in that second. */
  readonly means: ReadonlyMap<string, number> | null;
}

/** Requests under way, looked at some times a second, as means over seconds. */
export class UnderWayMeter {
  #sinceMs: number | null = null;
  #looks = 0;
  readonly #sums = new Map<string, number>();

  /** Null: the second is not over yet. */
  look(underWay: ReadonlyMap<string, number> | null, nowMs: number): UnderWaySecond | null {
    this.#sinceMs ??= nowMs;
    if (underWay !== null) {
      this.#looks += 1;
      for (const [id, requests] of underWay) {
        this.#sums.set(id, (this.#sums.get(id) ?? 0) + requests);
      }
    }
    if (nowMs - this.#sinceMs < secondMs) return null;
    const looks = this.#looks;
    const means = new Map([...this.#sums].map(([id, sum]) => [id, sum / looks]));
    this.#sinceMs = nowMs;
    this.#looks = 0;
    this.#sums.clear();
    return { atMs: nowMs, means: looks === 0 ? null : means };
  }
}
