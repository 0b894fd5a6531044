import type { FlagDocument } from '../../../api/release-file/flag-document.ts';
import type { Flag } from '../../../domain/flags/flag.ts';

/**
 * The flags of a revision: those of the file, with what it has for this environment alone. So another environment's values
 * make another revision, and come by a rollout (docs/decisions/0024).
 */
export function flagsFor(
  documents: readonly FlagDocument[],
  environment: string | null,
): readonly Flag[] {
  return documents.map(({ environments, ...flag }) => {
    const isNamed = environment !== null && Object.hasOwn(environments, environment);
    return isNamed ? { ...flag, ...environments[environment], environment } : flag;
  });
}
