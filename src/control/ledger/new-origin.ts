import { hexOfHash } from '../../domain/evidence/digest.ts';
import { ORIGIN_STREAM, originEventData } from '../../domain/evidence/origin-event.ts';
import type { KnownTree } from '../../domain/evidence/origin-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NoteSigner, Signer } from '../../ports/identity.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { Checkpointer } from './checkpointer.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import { openRecorder } from '../recording/recorder.ts';

/**
 * Gives a restored ledger a new name, by an entry that says why, and signs its first checkpoint under that name. Of the former name
 * nothing is ever signed again, so what was signed under it beyond this state stays the word of the ledger that is lost.
 */
export async function declareNewOrigin(
  ledger: {
    readonly store: LedgerStore & LedgerTree;
    readonly signer: Signer;
    readonly clock: Clock;
    readonly version: string;
  },
  said: {
    readonly noteSigners: readonly NoteSigner[];
    readonly reason: string;
    readonly by: string;
    readonly newestKnown: KnownTree | null;
  },
  signal: AbortSignal,
): Promise<{ readonly origin: string; readonly note: string }> {
  const { store, clock } = ledger;
  const { noteSigners, reason, by, newestKnown } = said;
  const { size } = await store.head(signal);
  const fromOrigin = await originAt(store, size, signal);
  const root = hexOfHash(await rootAt(store, size, signal));
  {
    await using recorder = await openRecorder({ ...ledger, tree: store }, signal);
    const entry = {
      type: 'origin-event',
      subjects: [],
      idempotencyKey: `new-origin/${size}`,
      data: originEventData({ fromOrigin, size, root, reason, by, newestKnown }),
    } as const;
    await recorder.record({ stream: ORIGIN_STREAM, entries: [entry], blobs: [] }, signal);
  }
  const checkpointer = new Checkpointer({
    store,
    tree: store,
    signers: () => noteSigners,
    witnesses: [],
    quorum: { kind: 'none' },
    clock,
    onProblem: () => undefined,
  });
  const { note } = await checkpointer.make(signal, { isKept: true });
  return { origin: await originAt(store, size + 1, signal), note };
}
