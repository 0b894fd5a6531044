import type { CounterReading, UnderWayReading } from '../../../adapters/gateway/control-message.ts';
import type { TokenAsk, TokenLoan } from '../../../domain/traffic/limits/token-loan.ts';
import type { CacheChange } from '../cache/route-cache.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';
import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';

/**
 * What a gateway process and its workers say to each other on the channel that Node.js lays between a process and its
 * child. Both ends are of one program and one user, so nothing here is checked. Messages arrive in order, or not at all
 * once the channel is closed.
 */
export type ToWorker =
  /** Comes first, once. The table is in force before the worker listens. */
  | {
      readonly type: 'begin';
      readonly host: string;
      readonly port: number;
      readonly votesKey: readonly [number, number];
      /** Of `splitOf`. */
      readonly phase: number;
      readonly table: RouteTable | null;
    }
  /** Votes of another worker, see ClientVotes. */
  | VotesMessage
  | CacheChangedMessage
  /** Answers `ask-tokens`. */
  | { readonly type: 'tokens'; readonly loans: readonly TokenLoan[] }
  | { readonly type: 'table'; readonly table: RouteTable }
  /** Answered by `drained`. */
  | { readonly type: 'drain'; readonly id: string; readonly turn: number }
  /** Answered by `metrics`. */
  | { readonly type: 'tell-metrics'; readonly turn: number }
  /** Answered by the end of the process, with code 0. */
  | { readonly type: 'stop'; readonly boundMs: number };

export type FromWorker =
  /** Its code is loaded; `begin` may come. */
  | { readonly type: 'ready' }
  | { readonly type: 'serving' }
  /** It cannot listen, and ends. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | VotesMessage
  | CacheChangedMessage
  | { readonly type: 'ask-tokens'; readonly asks: readonly TokenAsk[] }
  | { readonly type: 'in-force'; readonly version: number }
  /** Also the sign of life: it comes every so often, whether anything was counted or not. */
  | CountedMessage
  | { readonly type: 'drained'; readonly turn: number }
  | { readonly type: 'metrics'; readonly turn: number; readonly families: readonly MetricFamily[] };

export interface VotesMessage {
  readonly type: 'votes';
  readonly votes: readonly number[];
}

/** An unsafe request to another worker has made stored answers out of date. */
export interface CacheChangedMessage {
  readonly type: 'cache-changed';
  readonly change: CacheChange;
}

/** Totals of counters that have changed since the last message, as on the control socket. */
export interface CountedMessage {
  readonly type: 'counted';
  /** In force while these requests ended; `noVersion`: none. */
  readonly version: number;
  readonly counters: readonly CounterReading[];
  /** Requests that have no end yet. */
  readonly underWay: readonly UnderWayReading[];
  /** Requests have begun to wait for an instance. */
  readonly isUrgent?: boolean;
}

/** Smaller than that of any table. */
export const noVersion = -1;
