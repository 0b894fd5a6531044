import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import type { EventView } from '../../../api/wire.ts';
import { resources } from './live.ts';
import type { Interest, Resource } from './resource-store.ts';
import type { Signal } from './signal.ts';

const never = (): null => null;
const idle: Resource<never> = { value: null, gotAtMs: null, problem: null, isLoading: false };

/**
 * What `path` answers, kept up to date: `changes` says which events make it old. Without it any event does. Null: nothing is asked.
 * The type is believed, as server and console are of one build.
 */
export function useResource<T>(
  path: string | null,
  interest: {
    readonly changes?: (event: EventView) => boolean;
    readonly goodForMs?: (value: T) => number | null;
  } = {},
): Resource<T> {
  const newest = useRef(interest);
  useEffect(() => {
    newest.current = interest;
  });
  const watch = useCallback(
    (listener: () => void) => {
      if (path === null) return () => undefined;
      const asked: Interest<T> = {
        changes: (event) => newest.current.changes?.(event) ?? true,
        goodForMs: (value) => (newest.current.goodForMs ?? never)(value),
      };
      return resources.watch(path, asked as Interest, listener);
    },
    [path],
  );
  const read = (): Resource<unknown> => (path === null ? idle : resources.read(path));
  return useSyncExternalStore(watch, read) as Resource<T>;
}

export function useSignal<T>(signal: Signal<T>): T {
  return useSyncExternalStore(signal.watch, signal.get);
}
