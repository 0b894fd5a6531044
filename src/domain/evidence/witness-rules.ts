import { EvidenceError } from './canonical-json.ts';
import { parseCheckpoint, timeOfSignature } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { emptyRoot, isSameHash } from './digest.ts';
import type { Hash } from './digest.ts';
import { isConsistent } from './merkle-proof.ts';
import type { NoteKey } from './note-key.ts';
import { parseNote } from './signed-note.ts';
import type { WitnessRequest } from './witness-request.ts';

/**
 * What a witness answers to add-checkpoint, in the order of checks of c2sp.org/tlog-witness:
 *
 *   404 the log is not known; 403 no key it trusts for it has signed; 400 the old size is above the checkpoint's;
 *   409 with the size it knows: the old size is not that; 409: same size and another root; 422: the proof doesn't hold.
 *
 * `cosign` is no answer yet: only whoever then stores the checkpoint in place of `known` may cosign it.
 */
export type WitnessVerdict =
  | { readonly kind: 'cosign'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'stale'; readonly size: bigint }
  | {
      readonly kind: 'refuse';
      readonly status: 400 | 403 | 404 | 409 | 422;
      readonly what: string;
    };

export interface WitnessedLog {
  /** Keys that it signs with; one that has signed is enough. */
  readonly keys: readonly NoteKey[];
  /** The newest checkpoint that was cosigned; size 0: none. */
  readonly size: bigint;
  readonly root: Hash;
}

export function judgeWitnessRequest(
  request: WitnessRequest,
  logOf: (origin: string) => WitnessedLog | null,
): WitnessVerdict {
  let note;
  let checkpoint;
  try {
    note = parseNote(Buffer.from(request.note));
    checkpoint = parseCheckpoint(note.text);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return refuse(400, error.message);
  }
  const log = logOf(checkpoint.origin);
  if (log === null) return refuse(404, 'this log is not known here');
  const isSigned = note.lines.some((line) =>
    log.keys.some((key) => timeOfSignature(key, line, checkpoint) !== null),
  );
  if (!isSigned) return refuse(403, 'no key that is trusted for this log has signed it');
  return judgeSizes(request, checkpoint, log);
}

function judgeSizes(
  { oldSize, proof }: WitnessRequest,
  checkpoint: Checkpoint,
  log: WitnessedLog,
): WitnessVerdict {
  if (oldSize > checkpoint.size) {
    return refuse(400, "the old size is above the checkpoint's");
  }
  if (oldSize !== log.size) return { kind: 'stale', size: log.size };
  if (oldSize === checkpoint.size && oldSize > 0n && !isSameHash(log.root, checkpoint.root)) {
    return refuse(409, 'another root of this size was cosigned before');
  }
  if (checkpoint.size === 0n && !isSameHash(checkpoint.root, emptyRoot())) {
    return refuse(422, 'the tree without leaves has another root');
  }
  const first = { size: oldSize, root: log.root };
  if (isConsistent({ first, second: checkpoint }, proof)) return { kind: 'cosign', checkpoint };
  return refuse(422, 'the consistency proof does not hold');
}

function refuse(status: 400 | 403 | 404 | 409 | 422, what: string): WitnessVerdict {
  return { kind: 'refuse', status, what };
}
