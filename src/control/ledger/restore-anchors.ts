import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { hexOfHash } from '../../domain/evidence/digest.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import type { KnownTree } from '../../domain/evidence/origin-event.ts';
import type { TrustPolicy } from '../../domain/evidence/trust-policy.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import { RestoreRefusal } from './restore-refusal.ts';
import type { Witnessing } from './witnessing.ts';

/** A checkpoint somebody kept outside the backup. */
export interface Anchor {
  /** For people: a path, or a witness's name. */
  readonly from: string;
  readonly note: string;
}

/** The newest that is known of a ledger, and from whom. */
export interface NewestKnown extends KnownTree {
  readonly from: string;
}

type Restored = Pick<LedgerStore, 'read'> & Pick<LedgerTree, 'hashes'>;

/**
 * What anchors have seen beyond these `size` entries; null: nothing. Throws a RestoreRefusal: `foreign` when an anchor is of another
 * ledger or not signed by this one's keys, `forged` when it has seen another history.
 */
export async function newestOfAnchors(
  ledger: Restored,
  from: {
    readonly size: number;
    readonly anchors: readonly Anchor[];
    readonly policy: TrustPolicy;
  },
  signal: AbortSignal,
): Promise<NewestKnown | null> {
  let newest: NewestKnown | null = null;
  for (const anchor of from.anchors) {
    const { origin, size, root } = judged(anchor, from.policy).checkpoint;
    const known = { from: anchor.from, size: Number(size), root: hexOfHash(root) };
    if ((await originAt(ledger, known.size, signal)) !== origin) {
      throw foreign(
        anchor.from,
        `it is a checkpoint of ${origin}, not of the ledger in the backup`,
      );
    }
    if (known.size > from.size) {
      if (newest === null || known.size > newest.size) newest = known;
    } else if (hexOfHash(await rootAt(ledger, known.size, signal)) !== known.root) {
      throw forged(anchor.from, `it has seen other entries among the first ${known.size}`);
    }
  }
  return newest;
}

/** As `newestOfAnchors`, by asking witnesses; one that can't be asked is told in `unasked`. */
export async function newestOfWitnesses(
  witnesses: readonly Witnessing[],
  signed: { readonly note: string; readonly policy: TrustPolicy },
  signal: AbortSignal,
): Promise<{ readonly newest: NewestKnown | null; readonly unasked: readonly string[] }> {
  const { checkpoint } = judged({ from: 'the backup', note: signed.note }, signed.policy);
  let newest: NewestKnown | null = null;
  const unasked: string[] = [];
  for (const witness of witnesses) {
    const outcome = await witness.cosign({ checkpoint, note: signed.note }, signal);
    switch (outcome.kind) {
      case 'cosigned':
        break;
      case 'ahead': {
        const size = Number(outcome.size);
        if (newest === null || size > newest.size) {
          newest = { from: `the witness ${witness.name}`, size, root: null };
        }
        break;
      }
      case 'refused':
        if (outcome.isOtherHistory) throw forged(`the witness ${witness.name}`, outcome.what);
        unasked.push(outcome.what);
        break;
      case 'unreachable':
        unasked.push(outcome.what);
    }
  }
  return { newest, unasked };
}

/** Of several answers the one that has seen most. */
export function newerOf(one: NewestKnown | null, other: NewestKnown | null): NewestKnown | null {
  if (one === null || other === null) return one ?? other;
  return other.size > one.size ? other : one;
}

function judged({ from, note }: Anchor, policy: TrustPolicy) {
  try {
    return judgeCheckpoint(Buffer.from(note), policy, 'lenient');
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw foreign(from, error.message);
  }
}

function foreign(place: string, message: string): RestoreRefusal {
  const remedy = 'give a checkpoint of this ledger, as tidegate ledger checkpoint printed it';
  return new RestoreRefusal('foreign', { place, message, remedy });
}

function forged(place: string, message: string): RestoreRefusal {
  const remedy =
    'the backup and this place can not both be true: find out which was changed before anything is restored; keep both';
  return new RestoreRefusal('forged', { place, message, remedy });
}
