/**
 * How many instances of two revisions there are to be while one takes the other's place, as a Deployment of Kubernetes does it
 * (kubernetes.io/docs/concepts/workloads/controllers/deployment, "Rolling Update Deployment" and "Recreate Deployment").
 *
 * U1  At most `desired + surge` instances are wanted at a time.
 * U2  An instance that serves is stopped only while `desired - unavailable` others serve.
 * U3  Those that do not serve go first: they cost nobody anything.
 *
 * It works both ways: on the way back the old revision comes in and the new one goes out.
 */
export interface RollingBounds {
  /** How many more than desired there may be, >= 0. */
  readonly surge: number;
  /** How many fewer than desired may serve, >= 0; not 0 together with `surge`. */
  readonly unavailable: number;
}

/** A number of instances, or a part of the desired number in percent. */
export type InstanceAmount =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number };

export interface Fleet {
  /** How many were ordered last. */
  readonly wanted: number;
  /** How many of these serve. */
  readonly ready: number;
}

export interface RollingPlan {
  readonly incoming: number;
  readonly outgoing: number;
}

/**
 * `maxSurge` is rounded up and `maxUnavailable` down; where both come to 0 one may be missing, or nothing could ever move. With 25 %
 * of each, 3 instances have one more and none fewer, 10 have 3 more and 2 fewer.
 */
export function rollingBounds(
  amounts: { readonly maxSurge: InstanceAmount; readonly maxUnavailable: InstanceAmount },
  desired: number,
): RollingBounds {
  const surge = resolved(amounts.maxSurge, desired, Math.ceil);
  const unavailable = Math.min(desired, resolved(amounts.maxUnavailable, desired, Math.floor));
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** What to order next; the same as `wanted` where nothing can be done yet. */
export function planRolling(
  bounds: RollingBounds,
  desired: number,
  fleets: { readonly incoming: Fleet; readonly outgoing: Fleet },
): RollingPlan {
  const { incoming, outgoing } = fleets;
  const room = desired + bounds.surge - incoming.wanted - outgoing.wanted;
  const more = Math.max(0, Math.min(room, desired - incoming.wanted));
  const served = incoming.ready + outgoing.ready;
  const servedMin = desired - bounds.unavailable;
  const idle = outgoing.wanted - outgoing.ready;
  // What is not ready yet may come; what is stopped meanwhile must not be missed if it does not.
  const spare = incoming.wanted + outgoing.wanted - servedMin - (incoming.wanted - incoming.ready);
  const fewerIdle = Math.max(0, Math.min(idle, spare));
  const fewerServing = Math.max(0, Math.min(outgoing.ready, served - servedMin));
  return {
    incoming: incoming.wanted + more,
    outgoing: outgoing.wanted - fewerIdle - fewerServing,
  };
}

/** First all go, then all come: never two revisions at once. `isGone`: no instance of the outgoing is there any more. */
export function planRecreate(
  desired: number,
  { wanted, isGone }: { readonly wanted: number; readonly isGone: boolean },
): RollingPlan {
  return { incoming: isGone ? desired : wanted, outgoing: 0 };
}

function resolved(
  amount: InstanceAmount,
  desired: number,
  round: (value: number) => number,
): number {
  if (amount.kind === 'count') return amount.count;
  // 0.1 % steps times a whole number: what is off by a rounding error of binary fractions is whole.
  return round(Number(((amount.percent * desired) / 100).toFixed(9)));
}
