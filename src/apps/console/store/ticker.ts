import { useSyncExternalStore } from 'react';

const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(tick, 1_000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  if (document.hidden) return;
  for (const watcher of watchers) watcher();
}

/** A text that time changes. It is worked out each second and drawn only when it is another one. */
export function useTimedText(textAt: (nowMs: number) => string): string {
  return useSyncExternalStore(watch, () => textAt(Date.now()));
}
