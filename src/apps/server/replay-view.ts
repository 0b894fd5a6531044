import { type RolloutReplayView, replaySaidSchema } from '../../api/wire.ts';
import type { RolloutReplay } from '../../control/replay.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';

/** `version` is this program's. */
export function replayView(replay: RolloutReplay, version: string): RolloutReplayView {
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
function saidOf(record: JsonValue): NonNullable<RolloutReplayView['firstDifference']>['recorded'] {
  if (typeof record !== 'object' || record === null || !('sentence' in record)) return null;
  const { decision, sentence, verdict } = record;
  const kind =
    typeof verdict === 'object' && verdict !== null && 'kind' in verdict ? verdict['kind'] : null;
  return replaySaidSchema.safeParse({ decision, sentence, verdict: kind }).data ?? null;
}
