import type { Authorization } from '../../domain/authorization/authorization.ts';
import type { Traffic } from '../../domain/release/effect.ts';
import type { Backend, Endpoint, Route } from '../../domain/traffic/routing/route-table.ts';
import type { FaultRule } from '../../domain/traffic/faults/fault-rule.ts';
import type { WakeRule } from '../../domain/traffic/wake-rule.ts';
import { previewHeader } from '../../domain/traffic/routing/preview.ts';
import type { Instance } from '../../ports/platform.ts';

/**
 * Joins who should get what share with who is there to take it: the routes of the next table. Instances that are `leaving` get
 * nothing, even when no other is there: they leave because they fail.
 */
export function routesOf(
  traffic: Iterable<Traffic>,
  instances: readonly Instance[],
  leaving: ReadonlySet<string> = new Set(),
): readonly Route[] {
  const staying = instances.filter((each) => !leaving.has(each.id));
  const routes: Route[] = [];
  for (const wanted of traffic) {
    if (wanted.shares.length === 0) continue;
    routes.push({
      service: wanted.service,
      host: wanted.host,
      requestTimeoutMs: wanted.requestTimeoutMs,
      backends: backendsOf(wanted, staying),
      matches: matchesOf(wanted),
      ...(wanted.strata === undefined ? {} : { strata: wanted.strata }),
      ...(wanted.oneVotePer === undefined ? {} : { oneVotePer: wanted.oneVotePer }),
      ...(wanted.rules === undefined ? {} : { rules: wanted.rules }),
      ...(wanted.sticky === undefined ? {} : { sticky: wanted.sticky }),
      ...(wanted.mirror === undefined ? {} : { mirror: wanted.mirror }),
      ...(wanted.policy === undefined ? {} : { policy: wanted.policy }),
      ...(wanted.previewRevisionId === undefined
        ? {}
        : { previewRevisionId: wanted.previewRevisionId }),
    });
  }
  return routes.toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

/** Those that declare no authorization have this one. */
export function withAuthorization(
  routes: readonly Route[],
  authorization: Authorization | undefined,
): readonly Route[] {
  if (authorization === undefined) return routes;
  return routes.map((route) => ({ ...route, policy: { authorization, ...route.policy } }));
}

/** With the trouble that is wanted, by service. */
export function withFaults(
  routes: readonly Route[],
  faultsOf: (service: string) => readonly FaultRule[],
): readonly Route[] {
  return routes.map((route) => {
    const faults = faultsOf(route.service);
    return faults.length === 0 ? route : { ...route, faults };
  });
}

/** With the word that requests wait, by revision. */
export function withWakes(
  routes: readonly Route[],
  wakeOf: ReadonlyMap<string, WakeRule>,
): readonly Route[] {
  if (wakeOf.size === 0) return routes;
  return routes.map((route) => {
    const backends = route.backends.map((backend) => {
      const wake = wakeOf.get(backend.revisionId);
      return wake === undefined ? backend : { ...backend, wake };
    });
    return { ...route, backends };
  });
}

function matchesOf(wanted: Traffic): Route['matches'] {
  const { match, matches = [], matchRevisionId, previewRevisionId } = wanted;
  const preview =
    previewRevisionId === undefined
      ? []
      : [{ header: previewHeader, revisionId: previewRevisionId }];
  if (matchRevisionId === null) return preview;
  return [
    ...preview,
    ...(match === null ? [] : [{ header: match, revisionId: matchRevisionId }]),
    ...matches.map((each) => ({ match: each, revisionId: matchRevisionId })),
  ];
}

/** A share of 0 stays in the table only where a header match, a preview or a mirror can still send to it. */
function backendsOf(wanted: Traffic, instances: readonly Instance[]): readonly Backend[] {
  return wanted.shares
    .filter(
      ({ weightPercent, revisionId }) =>
        weightPercent > 0 ||
        revisionId === wanted.matchRevisionId ||
        revisionId === wanted.mirror?.revisionId ||
        revisionId === wanted.previewRevisionId,
    )
    .map((share) => ({
      revisionId: share.revisionId,
      weightPercent: share.weightPercent,
      endpoints: endpointsOf(share.revisionId, instances),
    }));
}

/**
 * The ready instances; when none is, those that were. A starved machine makes healthy instances miss their probes, and
 * trying them serves more users than a 503 for everybody. (Envoy calls this the panic threshold.)
 */
function endpointsOf(revisionId: string, instances: readonly Instance[]): readonly Endpoint[] {
  const own = instances.filter((each) => each.revisionId === revisionId);
  const ready = own.filter((each) => each.state === 'ready');
  const taken = ready.length > 0 ? ready : own.filter((each) => each.state === 'unready');
  return taken.flatMap((each) => (each.endpoint === null ? [] : [each.endpoint]));
}
