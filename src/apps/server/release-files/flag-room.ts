import { problemAt } from '../../../api/release-file/document-origin.ts';
import type { Problem } from '../../../api/release-file/problem.ts';
import type { ServiceDocument } from '../../../api/release-file/service-document.ts';
import type { ServiceSpec } from '../../../domain/release/revision.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';

/**
 * Of all services' flags, as JSON. A table has those of stable and of the candidate, and a table that is too long for the wire
 * would keep every service's traffic where it is.
 */
const lengthMax = 1_048_576;

/** Placed at the first service that has no room any more. */
export function flagRoomProblems(
  services: readonly ServiceDocument[],
  specs: readonly ServiceSpec[],
  living: readonly ServiceState[],
): readonly Problem[] {
  const applied = new Set(specs.map(({ name }) => name));
  const others = living.filter(({ name }) => !applied.has(name));
  let length = others.reduce((sum, { spec }) => sum + lengthOf(spec), 0);
  for (const [index, service] of services.entries()) {
    length += lengthOf(specs[index] ?? null);
    if (length <= lengthMax) continue;
    const message = `flags of all services have more than ${lengthMax} characters as JSON with these`;
    return [problemAt(service, ['spec', 'flags'], message, 'take flags out that nobody asks for')];
  }
  return [];
}

function lengthOf(spec: ServiceSpec | null): number {
  const flags = spec?.revision.flags;
  return flags === undefined ? 0 : JSON.stringify(flags).length;
}
