import { placeOf, problemAt } from './document-origin.ts';
import type { Problem } from './problem.ts';
import type { ServiceDocument } from './service-document.ts';

/** What is wrong between services that are each right by itself: names and hosts given twice, dependence on oneself. */
export function findConflicts(services: readonly ServiceDocument[]): readonly Problem[] {
  const problems: Problem[] = [];
  const byName = new Map<string, ServiceDocument>();
  const byHost = new Map<string, ServiceDocument>();
  for (const service of services) {
    const { name, traffic, dependsOn } = service;
    const twin = byName.get(name);
    const neighbour = byHost.get(traffic.host);
    if (twin !== undefined) problems.push(nameProblem(service, twin));
    else if (neighbour !== undefined) problems.push(hostProblem(service, neighbour));
    const own = dependsOn.indexOf(name);
    if (own !== -1) {
      const message = `service "${name}" depends on itself`;
      problems.push(problemAt(service, ['spec', 'dependsOn', own], message));
    }
    if (twin === undefined) byName.set(name, service);
    if (neighbour === undefined) byHost.set(traffic.host, service);
  }
  return problems;
}

export interface UnknownDependency {
  readonly service: ServiceDocument;
  readonly name: string;
  /** For `problemAt`. */
  readonly keyPath: readonly (string | number)[];
}

/** Dependencies on services outside the set: wrong unless the service is known already, which only the caller can say. */
export function unknownDependencies(
  services: readonly ServiceDocument[],
): readonly UnknownDependency[] {
  const names = new Set(services.map((service) => service.name));
  return services.flatMap((service) =>
    service.dependsOn
      .map((name, index) => ({ service, name, keyPath: ['spec', 'dependsOn', index] }))
      .filter(({ name }) => !names.has(name)),
  );
}

function nameProblem(service: ServiceDocument, first: ServiceDocument): Problem {
  const firstPlace = placeOf(first, ['metadata', 'name']);
  const message = `service "${service.name}" is declared twice, first at ${firstPlace}`;
  return problemAt(service, ['metadata', 'name'], message);
}

function hostProblem(service: ServiceDocument, owner: ServiceDocument): Problem {
  const keyPath = ['spec', 'traffic', 'host'];
  const { host } = service.traffic;
  const owned = `the host of "${owner.name}" at ${placeOf(owner, keyPath)}`;
  const message = `host "${host}" of service "${service.name}" is ${owned}`;
  return problemAt(service, keyPath, message);
}
