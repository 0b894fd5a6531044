/** Instances of one revision on one side of a zone's border. */
export interface ZoneCount {
  readonly serving: number;
  readonly total: number;
}

/**
 * A zone's own instances have all its requests while at least 1/1.4 of them (71 %) are well: the others are taken to have that much to
 * spare. Envoy's overprovisioning factor ("Priority levels" in its load balancing documentation). Kubernetes'
 * `trafficDistribution: PreferSameZone` keeps them in the zone until none is left, which overloads the last one.
 */
const overprovisioning = 1.4;

/**
 * The share in [0, 1] that goes to other zones. Example: 2 of 4 local ones serve: 1.4 * 2/4 = 0.7 stays, 0.3 goes, if as many are well
 * elsewhere; where neither side suffices, each gets by what it has.
 */
export function farShareRatio(local: ZoneCount, far: ZoneCount): number {
  const localRatio = sufficiency(local);
  const farRatio = Math.min(1 - localRatio, sufficiency(far));
  const sum = localRatio + farRatio;
  return sum === 0 ? 0 : farRatio / sum;
}

function sufficiency({ serving, total }: ZoneCount): number {
  return total === 0 ? 0 : Math.min(1, (overprovisioning * serving) / total);
}
