import type { RouteTable } from '../domain/traffic/routing/route-table.ts';

/**
 * What splits traffic.
 *
 * - `apply` resolves only when every request that starts from then on is routed by this table or a newer one.
 * - Idempotent by `table.version`; an older version than the applied one is ignored and resolves.
 * - The last applied table stays in force when this object, or its process, is gone.
 * - On failure nothing or all of the table is in force, never a part; the caller applies again.
 */
export interface TrafficRouter {
  apply(table: RouteTable, signal: AbortSignal): Promise<void>;

  /**
   * Resolves when no request is under way to the instances of the revision of this id, or to the instance of this id, or when
   * the router's own bound is over (long answers and tunnels are not waited for). Called when no table sends anything there any more.
   */
  drain(id: string, signal: AbortSignal): Promise<void>;

  /** Version in force when this observer found the router, or null when it was not reachable yet. */
  version(signal: AbortSignal): Promise<number | null>;
}

export class RouterError extends Error {
  override readonly name = 'RouterError';
  readonly code: 'unreachable' | 'refused';
  readonly retryable: boolean;

  constructor(
    code: RouterError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}
