import type { RevisionInstances } from '../../domain/release/event.ts';
import type { Instance } from '../../ports/platform.ts';

/** What the decider needs to know of the instances, by service; stopping ones are left out. */
export function instancesByService(
  instances: readonly Instance[],
  /** Of these services the names of ready instances are told too. */
  named: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, readonly RevisionInstances[]> {
  const services = new Map<string, Map<string, RevisionInstances>>();
  for (const instance of instances) {
    if (instance.state === 'stopping') continue;
    const revisions = services.get(instance.service) ?? new Map<string, RevisionInstances>();
    const sum = withInstance(revisions.get(instance.revisionId), instance);
    const isNamed = named.has(instance.service);
    revisions.set(instance.revisionId, isNamed ? withName(sum, instance) : sum);
    services.set(instance.service, revisions);
  }
  return new Map([...services].map(([name, revisions]) => [name, [...revisions.values()]]));
}

function withInstance(sum: RevisionInstances | undefined, instance: Instance): RevisionInstances {
  // What gets no requests gives no evidence, so a rollout does not go on by what is left of the revision.
  const isReady = instance.state === 'ready' && instance.isEjected !== true;
  const outOfMemory = (sum?.outOfMemory ?? 0) + (instance.outOfMemory?.count ?? 0);
  return {
    revisionId: instance.revisionId,
    ready: (sum?.ready ?? 0) + (isReady ? 1 : 0),
    total: (sum?.total ?? 0) + 1,
    restarts: (sum?.restarts ?? 0) + instance.restarts,
    ...(sum?.readyIds === undefined ? {} : { readyIds: sum.readyIds }),
    reason: sum?.reason ?? (isReady ? null : reasonOf(instance)),
    ...(outOfMemory === 0 ? {} : { outOfMemory }),
  };
}

function withName(sum: RevisionInstances, { id, state, isEjected }: Instance): RevisionInstances {
  const isReady = state === 'ready' && isEjected !== true;
  return { ...sum, readyIds: [...(sum.readyIds ?? []), ...(isReady ? [id] : [])] };
}

function reasonOf({ id, isEjected, reason }: Instance): string | null {
  return isEjected === true ? `the gateway has ejected ${id} for its failures` : reason;
}
