import type { LedgerError } from './ledger-store.ts';

/**
 * Who acts on a ledger that several controllers can reach: one at a time.
 *
 * - Each holder has a token that is higher than all before it. The store compares the token in the transaction of every write, so
 *   a holder that was paused or cut off and has been replaced meanwhile writes nothing, whatever it believes.
 * - A lease that ran out while nobody else took it is still the holder's: nobody acted in between.
 * - The same controller started again (same `ControllerName.id`) takes its lease over at once; another one waits until it has run out.
 */
export interface LedgerLease {
  /** 1 or more; rises with each holder. */
  readonly token: number;

  /** Resolves when another controller has taken the lease, with the error that every write gets then. Never rejects. */
  readonly lost: Promise<LedgerError>;

  /**
   * Resolves when nobody else can have acted until now; asks the store when it was not heard for as long as a lease lasts. Throws
   * a LedgerError: `fenced` when it is lost, or a retryable one when the store can't be asked.
   */
  confirm(signal: AbortSignal): Promise<void>;
}

export interface ControllerName {
  /** The same after a restart, different for each controller: at most 200 characters. */
  readonly id: string;
  /** For people: at most 500 characters. */
  readonly shown: string;
}
