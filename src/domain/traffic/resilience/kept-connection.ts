/**
 * Whose fault it is when an instance closes a kept connection just as a request goes out on it. Either side may close an idle
 * connection at any time (RFC 9112 section 9.5), so the two may cross on their way, which says nothing of the instance. That is rare:
 * the way is microseconds, and connections are idle for seconds. It is the instance's fault, and counts as the request's outcome,
 *
 * - K1. when the connection had hardly been idle: nobody closes one for that;
 * - K2. when the instance had said how long it would keep it (`Keep-Alive: timeout`) and did not;
 * - K3. when it happens more often than to one request of a hundred, whatever the reason.
 */
export interface Forgiving {
  /** How many more closed connections are taken for bad luck. */
  forgiveness: number;
}

/** An instance that closes a connection idle for less than this does not do it because it was idle. */
const idleMinMs = 500;
const forgivenessPerRequest = 0.01;
/** As many as may be forgiven together. */
const forgivenessMax = 3;

/** Takes one from the instance's account if it is. */
export function isBadLuck(
  instance: Forgiving,
  { idleMs, isPromised }: { readonly idleMs: number; readonly isPromised: boolean },
): boolean {
  if (idleMs < idleMinMs || isPromised || instance.forgiveness < 1) return false;
  instance.forgiveness -= 1;
  return true;
}

/** A request was answered. */
export function earnForgiveness(instance: Forgiving): void {
  if (instance.forgiveness < forgivenessMax) instance.forgiveness += forgivenessPerRequest;
}
