import type { Clock } from '../../ports/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that moves only by `pass`, from sleeper to sleeper; what each wakes runs on before the next. */
export class HandClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  /** How many wait; 0 once everything has been stopped. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const leave = (): void => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + durationMs, wake };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (;;) {
      const [next] = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      next.wake();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }

  /** The machine's clock is set: forward or back, waking nobody. */
  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }
}

/** Lets everything that can run without time run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
