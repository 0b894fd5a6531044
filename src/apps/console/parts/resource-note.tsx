import { type ReactNode } from 'react';
import type { Resource } from '../store/resource-store.ts';
import { useTimedText } from '../store/ticker.ts';
import { ageText } from './age-text.ts';

/** What is to be said of a resource before it is shown: it is on its way, it failed, or it is old. Nothing, when all is well. */
export function ResourceNote({
  of,
  what,
}: {
  readonly of: Resource<unknown>;
  /** `rollouts`. */
  readonly what: string;
}): ReactNode {
  const { value, gotAtMs, problem, isLoading } = of;
  if (problem === null)
    return value === null && isLoading ? <p className="note">Loading {what}</p> : null;
  if (value === null || gotAtMs === null) {
    return (
      <p className="note" role="alert" data-tone="bad">
        No {what} to show: {problem.message}
      </p>
    );
  }
  return (
    <p className="note" role="status" data-tone="warn">
      <Old gotAtMs={gotAtMs} what={what} /> {problem.message}
    </p>
  );
}

function Old({ gotAtMs, what }: { readonly gotAtMs: number; readonly what: string }): ReactNode {
  const age = useTimedText((nowMs) => ageText(nowMs - gotAtMs));
  return (
    <>
      The {what} as last known, {age} ago:
    </>
  );
}
