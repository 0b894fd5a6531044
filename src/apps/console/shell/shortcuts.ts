import { useEffect, useRef } from 'react';
import { Signal } from '../store/signal.ts';

export interface Shortcut {
  /** A key as the browser names it, or two one after the other: `g r`. */
  readonly keys: string;
  readonly says: string;
}

interface Bound extends Shortcut {
  readonly run: () => void;
}

/** Of everything that is shown now, in the order it was bound; for the help. */
export const shortcuts = new Signal<readonly Shortcut[]>([]);

const sequenceMs = 1_500;
let bound: readonly Bound[] = [];
let first: { readonly key: string; readonly atMs: number } | null = null;

/** Holds while the component is shown; of two with the same keys the newer one runs. */
export function useShortcut(keys: string, says: string, run: () => void): void {
  const newest = useRef(run);
  useEffect(() => {
    newest.current = run;
  });
  useEffect(() => {
    const mine: Bound = { keys, says, run: () => newest.current() };
    change([...bound, mine]);
    return () => change(bound.filter((each) => each !== mine));
  }, [keys, says]);
}

export function startShortcuts(): () => void {
  addEventListener('keydown', pressed);
  return () => removeEventListener('keydown', pressed);
}

function change(next: readonly Bound[]): void {
  bound = next;
  shortcuts.set(next);
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
  const { key } = event;
  const isSecond = first !== null && event.timeStamp - first.atMs < sequenceMs;
  const sequence = isSecond && first !== null ? `${first.key} ${key}` : null;
  first = null;
  const hit = bound.findLast(({ keys }) => keys === sequence || keys === key);
  if (hit !== undefined) {
    event.preventDefault();
    hit.run();
  } else if (bound.some(({ keys }) => keys.startsWith(`${key} `))) {
    first = { key, atMs: event.timeStamp };
  }
}

/** Keys belong to what is typed into; Enter and space to a button or a link. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}
