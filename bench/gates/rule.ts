import type { Tick } from './stream.ts';

/** Something that rolls releases back: our gate, or a rule of another tool. */
export interface Rule {
  /** Short: it heads a column. */
  readonly name: string;
  /** Begins with a release that is planned to take so long. */
  readonly open: (plannedMs: number) => OpenRule;
}

export interface OpenRule {
  /** Takes a tick in; true: it rolls back now. Not called again after that. */
  readonly take: (tick: Tick) => boolean;
  /** The candidate's share has changed since the tick before. */
  readonly changeStep: () => void;
}
