/** What the newest look at an arm came to, by whatever it scales. */
export interface ArmLook {
  readonly desired: number;
  /** What made the number another one than the metrics ask for. */
  readonly limitedBy:
    | 'nothing'
    | 'no metrics'
    | 'reserve'
    | 'window'
    | 'policy'
    | 'panic'
    | 'min'
    | 'max';
  readonly metrics: readonly {
    readonly metric: string;
    /** Mean; null: not known. */
    readonly perInstance: number | null;
    readonly target: number;
    readonly instances: number | null;
  }[];
  readonly sentence: string;
}
