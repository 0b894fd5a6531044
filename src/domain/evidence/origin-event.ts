import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { readCount, readObject, readSha256, readText } from './read-json.ts';

/**
 * A ledger that was restored from a backup older than what somebody has seen of it goes on under a new name, which is made from
 * this entry: checkpoints of what was lost and of what comes now are then of two logs, and nobody takes one for the other.
 */
export interface OriginEvent {
  /** Of the checkpoints up to this entry, and how many entries there were then: the index of this one. */
  readonly fromOrigin: string;
  readonly size: number;
  /** Hex root over those entries. */
  readonly root: string;
  readonly reason: string;
  /** Who restored it. */
  readonly by: string;
  /** The newest checkpoint that is known of the former name; null: none beyond `size`. */
  readonly newestKnown: KnownTree | null;
}

export interface KnownTree {
  readonly size: number;
  /** Hex; null: only the size is known, from a witness. */
  readonly root: string | null;
}

/** Where the ledger speaks of its own name. */
export const ORIGIN_STREAM = 'ledger/origin';

export function originEventData(event: OriginEvent): JsonObject {
  const { fromOrigin, size, root, reason, by, newestKnown } = event;
  return {
    action: 'new-origin',
    by,
    from: { origin: fromOrigin, root, size },
    newestKnown: newestKnown === null ? null : { root: newestKnown.root, size: newestKnown.size },
    reason,
  };
}

/** Throws an EvidenceError. */
export function readOriginEvent(data: JsonValue): OriginEvent {
  const keys = ['action', 'by', 'from', 'newestKnown', 'reason'];
  const event = readObject(data, keys, 'the origin event');
  if (event['action'] !== 'new-origin') throw new EvidenceError('its action is not new-origin');
  const from = readObject(event['from'], ['origin', 'root', 'size'], 'from');
  const known = event['newestKnown'];
  return {
    fromOrigin: readText(from['origin'], 'from.origin'),
    size: readCount(from['size'], 'from.size'),
    root: readSha256(from['root'], 'from.root'),
    reason: readText(event['reason'], 'reason'),
    by: readText(event['by'], 'by'),
    newestKnown: known === null ? null : readTree(known),
  };
}

function readTree(value: JsonValue | undefined): KnownTree {
  const tree = readObject(value, ['root', 'size'], 'newestKnown');
  return {
    size: readCount(tree['size'], 'newestKnown.size'),
    root: tree['root'] === null ? null : readSha256(tree['root'], 'newestKnown.root'),
  };
}
