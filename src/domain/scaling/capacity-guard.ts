/** What a service's instances have to carry at a step. */
export interface CapacityLook {
  /** Of all arms together: requests under way, requests per second, or cores; one unit throughout. At least 0. */
  readonly load: number;
  /** What one instance carries at its target, in the same unit. Above 0. */
  readonly perInstance: number;
  /** Instances that are ready. */
  readonly stableReady: number;
  readonly candidateReady: number;
  /** The weight of the next step, 0 to 100. */
  readonly candidatePercent: number;
}

/** Instances an arm has too few of. */
export interface Shortage {
  readonly arm: 'stable' | 'candidate';
  readonly ready: number;
  readonly needed: number;
}

/**
 * Why a step has to wait: the candidate must be able to carry its share, and stable must be able to take all of the load back at
 * any moment, as a rollback under full load would otherwise fail the users it is there to protect. Empty: go on.
 */
export function shortages(look: CapacityLook): readonly Shortage[] {
  const { load, stableReady, candidateReady, candidatePercent } = look;
  const needed = (part: number) => instancesFor(load * part, look.perInstance);
  const arms: readonly Shortage[] = [
    { arm: 'stable', ready: stableReady, needed: needed(1) },
    { arm: 'candidate', ready: candidateReady, needed: needed(candidatePercent / 100) },
  ];
  return arms.filter((each) => each.ready < each.needed);
}

/** At least one for any load at all. Example: 2,500 requests/s at 1,000 an instance need 3. */
export function instancesFor(load: number, perInstance: number): number {
  return Math.ceil(Number((load / perInstance).toPrecision(12)));
}
