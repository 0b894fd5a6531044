import type { Traffic } from '../domain/release/effect.ts';
import type { Backend, Route } from '../domain/traffic/route-table.ts';
import type { Instance } from '../ports/platform.ts';

/** Joins who should get what share with who is there to take it: the routes of the next table. */
export function routesOf(
  traffic: Iterable<Traffic>,
  instances: readonly Instance[],
): readonly Route[] {
  const routes: Route[] = [];
  for (const wanted of traffic) {
    if (wanted.shares.length === 0) continue;
    routes.push({
      service: wanted.service,
      host: wanted.host,
      requestTimeoutMs: wanted.requestTimeoutMs,
      backends: backendsOf(wanted, instances),
      matches:
        wanted.match === null || wanted.matchRevisionId === null
          ? []
          : [{ header: wanted.match, revisionId: wanted.matchRevisionId }],
    });
  }
  return routes.toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

/** A share of 0 stays in the table only where a header match can still send to it. */
function backendsOf(wanted: Traffic, instances: readonly Instance[]): readonly Backend[] {
  return wanted.shares
    .filter((share) => share.weightPercent > 0 || share.revisionId === wanted.matchRevisionId)
    .map((share) => ({
      revisionId: share.revisionId,
      weightPercent: share.weightPercent,
      endpoints: instances
        .filter((each) => each.revisionId === share.revisionId && each.state === 'ready')
        .flatMap((each) => (each.endpoint === null ? [] : [each.endpoint])),
    }));
}
