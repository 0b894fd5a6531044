import type { Session } from './session.ts';

export interface Painter extends AsyncDisposable {
  /** Replaces what was painted before. */
  show(lines: readonly string[]): void;
}

/** Only for an interactive screen. What was shown last stays when it is disposed, and the cursor is back. */
export async function openPainter(session: Session): Promise<Painter> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(session.stdout, { showCursor: true });
  return {
    show: (lines) => update(lines.join('\n')),
    [Symbol.asyncDispose]: async () => update.done(),
  };
}
