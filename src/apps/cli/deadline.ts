import { CliError } from './cli-error.ts';
import { durationText } from './views/words.ts';

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Throws the timeout when it was this deadline that aborted, else nothing. */
  check(what: string): void;
}

/** `timeoutMs` null: no limit but the outer signal. */
export function startDeadline(outer: AbortSignal, timeoutMs: number | null): Deadline {
  const own = new AbortController();
  const timer = timeoutMs === null ? null : setTimeout(() => own.abort(), timeoutMs);
  return {
    signal: AbortSignal.any([outer, own.signal]),
    check(what) {
      if (!own.signal.aborted || outer.aborted) return;
      throw new CliError(`${what}: not there after ${durationText(timeoutMs ?? 0)}`, {
        code: 'timeout',
        remedy: 'give it longer with --timeout, or look: tidegate status',
      });
    },
    [Symbol.dispose]() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
