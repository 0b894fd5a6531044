import type { FixedValue } from '../http1/fixed-lines.ts';
import type { Refusal } from '../refusal.ts';
import type { CallerSocket } from './caller-socket.ts';

/** What an exchange does to the connection it came on. */
export interface ExchangeCaller {
  readonly socket: CallerSocket;
  readonly address: FixedValue;
  readonly scheme: FixedValue;
  /** The head was made from that of an HTTP/2 stream. */
  readonly isHttp2: boolean;
  /** Of `performance.now()`: when `late` is to be called. */
  deadlineMs: number;
  /** The request that waited is to be given to `begin` again. */
  readonly again: () => void;
  /** More of the request may be given to `body`. */
  readonly goOn: () => void;
  /** The answer is with the caller, or what can be. */
  readonly finished: (keepAlive: boolean) => void;
  /** Answers in place of an instance. */
  readonly answerProblem: (
    refusal: Refusal,
    how: { readonly keepAlive: boolean; readonly isHead: boolean },
  ) => void;
  /**
   * Ends the connection in the midst of an answer. By a reset if the connection's end alone would pass for the
   * answer's.
   */
  readonly cut: (how: { readonly isReset: boolean }) => void;
  readonly becomeTunnel: () => void;
  /** See Parts.broken. */
  readonly broken: (error: unknown) => void;
}
