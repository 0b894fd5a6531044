import type { Clock } from '../../src/ports/clock.ts';

/** Looks at the clock at one instant, after which the world is taken not to settle: some loop waits for nothing. */
const looksMax = 200_000;

/**
 * Time that moves only when it is told to. Everything that waits for a moment waits in one heap; at each moment the
 * sleepers wake in the order in which they lay down, and all that follows settles before time goes on.
 */
export class VirtualTime {
  #nowMs: number;
  #looks = 0;
  #count = 0;
  readonly #heap: Sleeper[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    this.#looks += 1;
    if (this.#looks > looksMax) throw new Error(`the world does not settle at ${this.#nowMs}`);
    return this.#nowMs;
  }

  /** Calls `wake` at that moment, or at once in the next step when it is over. */
  at(atMs: number, wake: () => void): void {
    this.#count += 1;
    push(this.#heap, { atMs: Math.max(atMs, this.#nowMs), order: this.#count, wake });
  }

  /** Lets everything happen up to that moment, included; stops early when `isOver` says so between two moments. */
  async advance(toMs: number, isOver: () => boolean = () => false): Promise<void> {
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= toMs; next = this.#heap[0]) {
      if (next.atMs > this.#nowMs) {
        if (isOver()) return;
        this.#nowMs = next.atMs;
        this.#looks = 0;
      }
      pop(this.#heap)?.wake();
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, toMs);
    this.#looks = 0;
  }
}

/** The clock of one process: it may be wrong by `offsetMs`, and everybody who waits for it is gone when it dies. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  #offsetMs: number;
  #isDead = false;

  constructor(time: VirtualTime, offsetMs: number) {
    this.#time = time;
    this.#offsetMs = offsetMs;
  }

  nowMs(): number {
    return this.#time.nowMs + this.#offsetMs;
  }

  /** As the system's clock does: it never starts before what an earlier process has recorded. */
  notBefore(atMs: number): void {
    this.#offsetMs = Math.max(this.#offsetMs, atMs - this.#time.nowMs);
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener('abort', stop);
        if (!this.#isDead) resolve();
      };
      const stop = (): void => {
        if (!this.#isDead) reject(signal.reason as Error);
      };
      signal.addEventListener('abort', stop, { once: true });
      this.#time.at(this.#time.nowMs + durationMs, wake);
    });
  }

  /** Nobody who sleeps here ever wakes again. */
  die(): void {
    this.#isDead = true;
  }
}

/**
 * Resolves when no promise reaction is left to run. Node runs its tick queue only after the microtask queue is empty, so
 * one tick is enough however long the chain is, and is several times cheaper than setImmediate. What needs the event loop
 * itself (files, sockets, timers) has no place in a simulated world.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

interface Sleeper {
  readonly atMs: number;
  /** Of lying down: those of one moment wake first come, first served. */
  readonly order: number;
  readonly wake: () => void;
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A binary heap in an array: parent of i at (i - 1) >> 1. */
function push(heap: Sleeper[], sleeper: Sleeper): void {
  let at = heap.length;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up];
    if (parent === undefined || !isBefore(sleeper, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = sleeper;
}

function pop(heap: Sleeper[]): Sleeper | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    const isRight = left !== undefined && right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (child === undefined || !isBefore(child, last)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
  return first;
}
