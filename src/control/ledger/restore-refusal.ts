/**
 * A backup that is not restored: what is wrong, at which place of it, and what to do.
 *
 * damaged: a file is not what the manifest says; foreign: it is of another ledger, or signed by somebody else; forged: somebody has
 * seen another history; older: somebody has seen later entries; drifted: the entries lead to another state than they did.
 */
export class RestoreRefusal extends Error {
  override readonly name = 'RestoreRefusal';
  readonly code: 'damaged' | 'foreign' | 'forged' | 'older' | 'drifted';
  readonly retryable = false;
  /** A file of the backup, or who has seen something else. */
  readonly place: string;
  readonly remedy: string;

  constructor(
    code: RestoreRefusal['code'],
    what: {
      readonly place: string;
      readonly message: string;
      readonly remedy: string;
      readonly cause?: unknown;
    },
  ) {
    super(`${what.place}: ${what.message}`, { cause: what.cause });
    this.code = code;
    this.place = what.place;
    this.remedy = what.remedy;
  }
}

export const DAMAGED_REMEDY =
  'restore from another copy of the backup; where the state folder still exists, make a new backup into an empty folder';
