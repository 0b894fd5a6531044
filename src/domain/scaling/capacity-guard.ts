/** The load of a whole service in one metric, and what one instance carries of it. */
export interface LoadNeed {
  /** As in MetricTarget. */
  readonly metric: string;
  /** Of all arms together: requests per second, requests under way, or cores; one unit for both. At least 0. */
  readonly load: number;
  /** What one instance carries at its target. Above 0. */
  readonly perInstance: number;
}

/** One arm of a rollout before a step. */
export interface ArmCapacity {
  readonly needs: readonly LoadNeed[];
  /** Of all of the load, what it must be able to carry: in [0, 1]. */
  readonly shareRatio: number;
  /** Instances that are ready. */
  readonly ready: number;
  /** More are never started. */
  readonly max: number;
}

/** Instances an arm has too few of, and the metric that needs most. */
export interface Shortage {
  readonly ready: number;
  readonly needed: number;
  readonly by: LoadNeed;
}

/**
 * Why a step has to wait for this arm: the candidate must be able to carry its share, and stable must be able to take all of the load
 * back at any moment, as a rollback under full load would otherwise fail the users it is there to protect. Who has all the instances
 * there may be is not waited for. Null: go on. Example: 2,500 requests/s at 1,000 an instance need 3 of stable, and 2 for 50 %.
 */
export function shortageOf({ needs, shareRatio, ready, max }: ArmCapacity): Shortage | null {
  let worst: Shortage | null = null;
  for (const by of needs) {
    const needed = Math.min(max, instancesFor(by.load * shareRatio, by.perInstance));
    if (needed > ready && needed > (worst?.needed ?? 0)) worst = { ready, needed, by };
  }
  return worst;
}

/** Instances that carry this share of the load, by the metric that needs most. */
export function neededFor(needs: readonly LoadNeed[], shareRatio: number): number {
  const counts = needs.map(({ load, perInstance }) => instancesFor(load * shareRatio, perInstance));
  return Math.max(0, ...counts);
}

/** At least one for any load at all. Example: 2,500 requests/s at 1,000 an instance need 3. */
export function instancesFor(load: number, perInstance: number): number {
  return Math.ceil(Number((load / perInstance).toPrecision(12)));
}
