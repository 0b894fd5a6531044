import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import type { RolloutReplay } from './replay.ts';

/** What people are shown of a replay. */
export interface ReplaySummary extends Omit<RolloutReplay, 'versions' | 'firstDifference'> {
  /** Every decision came out again, byte for byte. */
  readonly isSame: boolean;
  readonly versions: string[];
  readonly replayedByVersion: string;
  readonly firstDifference:
    | (Omit<NonNullable<RolloutReplay['firstDifference']>, 'recorded' | 'replayed'> & {
        readonly recorded: ReplaySaid | null;
        readonly replayed: ReplaySaid | null;
      })
    | null;
}

/** What an entry says of its decision. */
export interface ReplaySaid {
  readonly decision: string;
  readonly sentence: string;
  readonly verdict: 'pass' | 'fail' | 'undecided' | null;
}

/** `version` is this program's. */
export function replaySummary(replay: RolloutReplay, version: string): ReplaySummary {
  const { versions, firstDifference, ...same } = replay;
  return {
    ...same,
    isSame: firstDifference === null,
    versions: [...versions],
    replayedByVersion: version,
    firstDifference:
      firstDifference === null
        ? null
        : {
            ...firstDifference,
            recorded: saidOf(firstDifference.recorded),
            replayed: saidOf(firstDifference.replayed),
          },
  };
}

/** Null for what is no record, as an entry may hold whose record was changed. */
function saidOf(record: JsonValue): ReplaySaid | null {
  if (typeof record !== 'object' || record === null || !('sentence' in record)) return null;
  const { decision, sentence, verdict = null } = record;
  if (typeof decision !== 'string' || typeof sentence !== 'string') return null;
  const kind =
    typeof verdict === 'object' && verdict !== null && 'kind' in verdict ? verdict['kind'] : null;
  return kind === 'pass' || kind === 'fail' || kind === 'undecided' || kind === null
    ? { decision, sentence, verdict: kind }
    : null;
}
