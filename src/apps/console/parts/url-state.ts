import { useCallback } from 'react';
import { useLocation, useSearch } from 'wouter';

/** What a view shows, in its address: null takes a name out. `step` makes a place to go back to; filters don't. */
export type ChangeUrl = (
  changes: Readonly<Record<string, string | null>>,
  how?: { readonly step: boolean },
) => void;

/** The query of the address, and how to change it. */
export function useUrlState(): readonly [query: URLSearchParams, change: ChangeUrl] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const change = useCallback<ChangeUrl>(
    (changes, how = { step: false }) => {
      const next = new URLSearchParams(search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) next.delete(name);
        else next.set(name, value);
      }
      const text = next.toString();
      navigate(text === '' ? path : `${path}?${text}`, { replace: !how.step });
    },
    [search, path, navigate],
  );
  return [new URLSearchParams(search), change];
}
