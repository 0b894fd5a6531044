import type { Endpoint, RouteTable } from '../../../domain/traffic/route-table.ts';
import type { Target } from '../live-routes.ts';

/** Another instance of the target's revision, the next in turn; null: there is none, or the revision has left the table. */
export function otherEndpoint(table: RouteTable | null, target: Target): Endpoint | null {
  for (const { backends } of table?.routes ?? []) {
    for (const { revisionId, endpoints } of backends) {
      if (revisionId !== target.revisionId) continue;
      const index = endpoints.findIndex(
        ({ instanceId }) => instanceId === target.endpoint.instanceId,
      );
      if (index < 0) continue;
      const next = endpoints[(index + 1) % endpoints.length];
      return next === undefined || endpoints.length === 1 ? null : next;
    }
  }
  return null;
}
