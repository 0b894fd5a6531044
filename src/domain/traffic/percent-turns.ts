/**
 * Takes a percentage of turns, exact over short runs and without chance: of any n turns in a row it has taken n * percent / 100,
 * off by less than 1.
 */
export class PercentTurns {
  readonly #permille: number;
  #credit: number;

  /**
   * `percent` is a multiple of 0.1 in [0, 100]; `before` is whose count goes on, where the percentage changes. `startRatio` in
   * [0, 1) is what the first turns have already: of several processes with spread ratios not all take late.
   */
  constructor(percent: number, before: PercentTurns | null = null, startRatio = 0) {
    this.#permille = Math.round(percent * 10);
    this.#credit = before === null ? Math.floor(startRatio * 1000) : before.#credit;
  }

  next(): boolean {
    this.#credit += this.#permille;
    if (this.#credit < 1000) return false;
    this.#credit -= 1000;
    return true;
  }
}
