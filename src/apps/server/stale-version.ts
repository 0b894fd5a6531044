import { StaleServiceError } from '../../control/loop/loop.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';
import { HttpProblem } from './http/http-problem.ts';
import { resourceVersionOf } from './views/resource-metadata.ts';

/** Of a resourceVersion that a request names; undefined: it names none. */
export function versionOf(resourceVersion: string | undefined): number | undefined {
  return resourceVersion === undefined ? undefined : Number(resourceVersion);
}

/** Before anything of the request is done: of several services none, if one has changed. */
export function requireVersion(
  state: Pick<ServiceState, 'name' | 'recordCount'>,
  onlyAt: number | undefined,
): void {
  if (onlyAt !== undefined && onlyAt !== state.recordCount) throw conflict(state);
}

/** For `catch`: what was decided meanwhile is a conflict, everything else what it was. */
export function asConflict(error: unknown): never {
  if (!(error instanceof StaleServiceError)) throw error;
  throw conflict({ name: error.service, recordCount: error.recordCount });
}

function conflict(state: Pick<ServiceState, 'name' | 'recordCount'>): HttpProblem {
  const resourceVersion = resourceVersionOf(state);
  const detail = `${state.name} has changed: its resourceVersion is ${resourceVersion} now; look at it again`;
  return new HttpProblem(409, detail, undefined, { resourceVersion });
}
