/** Why the ledger can't be written, of those who may notice; told to the log when it changes. */
export class LedgerTrouble {
  readonly #log: (level: 'info' | 'error', message: string) => void;
  readonly #messages = new Map<'append' | 'lease', string>();

  constructor(log: (level: 'info' | 'error', message: string) => void) {
    this.#log = log;
  }

  /** Null: there is none. */
  get message(): string | null {
    return [...this.#messages.values()][0] ?? null;
  }

  /** `message` null: it is over for this one. */
  tell(by: 'append' | 'lease', message: string | null): void {
    const before = this.message;
    if (message === null) this.#messages.delete(by);
    else this.#messages.set(by, message);
    const now = this.message;
    if (now === before) return;
    this.#log(now === null ? 'info' : 'error', now ?? 'the ledger can be written again');
  }
}
