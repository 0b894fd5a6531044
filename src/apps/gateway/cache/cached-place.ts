import type { Counter } from '../counters.ts';
import type { Choice } from '../live-routes.ts';

/** Whose stored answers a request gets, and what it is counted on; null: the cache has no part in it. */
export function cachedPlace(
  choice: Choice,
): { readonly revisionId: string; readonly counter: Counter } | null {
  switch (choice.kind) {
    case 'target':
      return (choice.treatment?.fault ?? null) === null ? choice.target : null;
    case 'no-endpoints':
      return choice;
    case 'asleep':
      return choice.place;
    case 'over-limits':
    case 'unidentified':
    case 'unknown-host':
    case 'unwoken':
      return null;
  }
}

export function counterOf(choice: Choice): Counter | null {
  return cachedPlace(choice)?.counter ?? null;
}
