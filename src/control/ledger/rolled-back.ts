import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { parseCheckpoint } from '../../domain/evidence/checkpoint.ts';
import { hexOfHash } from '../../domain/evidence/digest.ts';
import { parseNote } from '../../domain/evidence/signed-note.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { rootAt } from './ledger-proofs.ts';
import { originAt } from './ledger-origin.ts';

/**
 * A ledger is not the one that its server knew: `behind`, it lacks entries that were there; `other`, its entries are others;
 * `unreadable`, what the server knew of it can't be read.
 */
export class RolledBackError extends Error {
  override readonly name = 'RolledBackError';
  readonly code: 'behind' | 'other' | 'unreadable';
  readonly retryable = false;

  constructor(code: RolledBackError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Throws a RolledBackError unless the ledger goes on from this checkpoint, which its server made and kept beside it: a database
 * that was put back by hand, or a standby that had not received everything, would otherwise go on as if entries that people have
 * acted on had never been. The signature is no question here: whoever can write the file can remove it.
 */
export async function requireNotRolledBack(
  ledger: Pick<LedgerStore, 'read' | 'head'> & Pick<LedgerTree, 'hashes'>,
  known: { readonly from: string; readonly note: string },
  signal: AbortSignal,
): Promise<void> {
  const { from } = known;
  const checkpoint = checkpointOf(known);
  const { size } = await ledger.head(signal);
  const knownSize = Number(checkpoint.size);
  if (knownSize > size) {
    const lost = knownSize - size;
    throw new RolledBackError(
      'behind',
      `cannot go on from a ledger that was put back: it has ${counted(size)}, and ${from} is a checkpoint over ${knownSize}, ` +
        `so ${counted(lost)} that this server has recorded would be lost; ${remedy}`,
    );
  }
  if (knownSize === 0) return;
  const isSame =
    hexOfHash(await rootAt(ledger, knownSize, signal)) === hexOfHash(checkpoint.root) &&
    (await originAt(ledger, knownSize, signal)) === checkpoint.origin;
  if (isSame) return;
  throw new RolledBackError(
    'other',
    `cannot go on from this ledger: its first ${counted(knownSize)} are not those of the checkpoint in ${from}; ${remedy}`,
  );
}

const remedy =
  'put the newest database back; or move the folder away but for keys and newest-checkpoint, and tidegate restore the newest ' +
  'backup into it: what no backup has is given up for all to see with --new-origin REASON';

function checkpointOf({ from, note }: { readonly from: string; readonly note: string }) {
  try {
    return parseCheckpoint(parseNote(Buffer.from(note)).text);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new RolledBackError(
      'unreadable',
      `cannot tell whether the ledger is the newest: ${from} is no checkpoint (${error.message}); put a copy of it back, as ` +
        'tidegate ledger checkpoint printed it, or remove it when you know that the ledger is whole',
      error,
    );
  }
}

function counted(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}
