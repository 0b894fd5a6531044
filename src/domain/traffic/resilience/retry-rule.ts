import type { RetryPolicy } from './traffic-policy.ts';

/** Why an attempt brought no answer for the caller. A number: the answer's status. */
export type RetryCause = 'connect-failure' | 'reset' | 'timeout' | number;

/** RFC 9110 section 9.2.1, less TRACE, which no gateway should repeat. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Section 9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set([...safeMethods, 'PUT', 'DELETE']);

/**
 * Whether the policy allows another attempt for this, were there budget for it. `isRepeatable`: see `isMethodRetryable`;
 * `isReplayable`: all of the request's body is at hand.
 */
export function isRetryable(
  policy: RetryPolicy,
  cause: RetryCause,
  request: { readonly isRepeatable: boolean; readonly isReplayable: boolean },
): boolean {
  if (!request.isReplayable) return false;
  // Nothing was sent, so no method matters.
  if (cause === 'connect-failure') return policy.onConnectFailure;
  if (!request.isRepeatable) return false;
  return typeof cause === 'number' ? policy.onStatuses.includes(cause) : policy.onReset;
}

export function isMethodRetryable({ methods }: RetryPolicy, method: string): boolean {
  switch (methods) {
    case 'any':
      return true;
    case 'idempotent':
      return idempotentMethods.has(method);
    case 'safe':
      return safeMethods.has(method);
  }
}

/** As Envoy's: ten times the base. */
const backOffFactorMax = 10;

/**
 * The wait before the n-th retry (1 is the first): anywhere between nothing and the base doubled n-1 times ("full jitter", M. Brooker,
 * "Exponential Backoff and Jitter", AWS Architecture Blog, 2015). Example: base 25 ms, third retry: 0-100 ms.
 */
export function backOffMs(baseMs: number, retryNumber: number, random: () => number): number {
  const factor = Math.min(backOffFactorMax, 2 ** (retryNumber - 1));
  return Math.round(baseMs * factor * random());
}
