import type { Service } from '../../../api/client/generated/schemas.ts';

/** What others need comes first; else by name. A cycle, which the server refuses, would end up last, by name. */
export function inDependencyOrder(services: readonly Service[]): Service[] {
  let left = services.toSorted((one, other) => compareNames(nameOf(one), nameOf(other)));
  const known = new Set(left.map(nameOf));
  const placed = new Set<string>();
  const ordered: Service[] = [];
  while (left.length > 0) {
    const next =
      left.find((service) =>
        service.spec.dependsOn.every((name) => placed.has(name) || !known.has(name)),
      ) ?? left[0];
    if (next === undefined) break;
    ordered.push(next);
    placed.add(nameOf(next));
    left = left.filter((service) => service !== next);
  }
  return ordered;
}

function nameOf(service: Service): string {
  return service.metadata.name;
}

function compareNames(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
