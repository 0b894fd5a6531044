import { timesText } from './amount-text.ts';
import { instancesOf } from '../seeing/see.ts';
import type { Rollout, ServiceState } from '../service-state.ts';

/**
 * What a way back says besides, when instances of the candidate were ended at their limit of memory: what users saw of it are
 * failed requests only. Empty: none was, or the reason that is said already names it.
 */
export function outOfMemoryText(state: ServiceState, { candidate }: Rollout, said = ''): string {
  const count = instancesOf(state, candidate.id)?.outOfMemory ?? 0;
  if (count === 0 || said.includes('OOMKilled')) return '';
  return `; instances of it were ended ${timesText(count)} at their memory limit (OOMKilled)`;
}
