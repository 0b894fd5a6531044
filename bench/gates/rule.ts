import type { Rollback } from './release.ts';
import type { Tick } from './stream.ts';

/** Something that rolls releases back: our gate, or a rule of another tool. */
export interface Rule {
  /** Short: it heads a column. */
  readonly name: string;
  /** Begins with a release that is planned to take so long. `run` is for a seed, if the rule needs chance. */
  readonly open: (plannedMs: number, run: number) => OpenRule;
}

export interface OpenRule {
  /** Takes a tick in; true: it rolls back now. Not called again after that. */
  readonly take: (tick: Tick) => boolean;
  /** The candidate's share has changed since the tick before. */
  readonly changeStep: () => void;
  /**
   * What the candidate has cost under this rule, for one that takes its traffic away before it decides. Such a rule changes
   * the tick it takes, so it is asked last. Absent: what the stream had.
   */
  readonly cost?: () => Omit<Rollback, 'afterMs'>;
  /** What a rule of ours has seen against the candidate; absent: the rule is another tool's. */
  readonly evidence?: () => EvidenceSeen;
}

/** log W of a gate: the highest so far, and now. */
export interface EvidenceSeen {
  readonly peakLog: number;
  readonly log: number;
}
