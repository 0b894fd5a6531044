import type { TokenAsk, TokenLoan } from '../domain/traffic/limits/token-loan.ts';

/**
 * Who keeps the buckets of rate limits for several processes that let requests through.
 *
 * - What is asked for is decided by `lend` of domain/traffic/limits/token-loan.ts, one ask after the other on each bucket, whichever
 *   process they come from.
 * - The time is the source's own, so that clocks of processes need not agree.
 * - Rejects when it cannot be known whether the source has heard; what was owed may then be told again.
 */
export interface TokenSource extends AsyncDisposable {
  /** One loan for each ask, in their order. */
  lend(asks: readonly TokenAsk[], signal: AbortSignal): Promise<readonly TokenLoan[]>;
}
