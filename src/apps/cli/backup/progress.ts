import type { Session } from '../session.ts';

const REDRAW_MS = 100;

/** One line on a terminal, rewritten; nothing anywhere else. */
export class Progress implements Disposable {
  readonly #session: Session;
  readonly #doing: string;
  #shownAtMs = 0;

  /** `doing`: what comes before the numbers, such as "restored". */
  constructor(session: Session, doing: string) {
    this.#session = session;
    this.#doing = doing;
  }

  show(done: number, all: number): void {
    const nowMs = performance.now();
    const { stderr } = this.#session;
    if (!stderr.isTTY || nowMs - this.#shownAtMs < REDRAW_MS) return;
    this.#shownAtMs = nowMs;
    stderr.write(`\r\u001b[K${done} of ${all} ${this.#doing}`);
  }

  [Symbol.dispose](): void {
    if (this.#shownAtMs > 0) this.#session.stderr.write('\r\u001b[K');
  }
}
