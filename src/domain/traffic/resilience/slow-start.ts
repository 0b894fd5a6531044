/** Less than this would leave a new instance without requests to warm up by. */
const leastShareRatio = 0.1;

/**
 * What part of its share an instance gets by its age: it grows with time, from a tenth (Envoy's `slow_start_config` with an
 * aggression of 1 and its least weight of 10 %). Example: 3 s of 10 s give 0.3.
 */
export function slowStartRatio(ageMs: number, windowMs: number): number {
  if (ageMs >= windowMs) return 1;
  return Math.max(leastShareRatio, ageMs / windowMs);
}
