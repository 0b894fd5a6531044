import { EvidenceError } from './canonical-json.ts';
import type { KeyDirectory } from './key-directory.ts';
import { type NoteKey, rawKeyOf } from './note-key.ts';

/**
 * Throws an EvidenceError unless the keys that signed a checkpoint of `size` entries are those that the entries themselves name: the
 * set in use at its last entry, or at the next one (a rotation's own entry ends one and brings the other). So a key that was rotated
 * away signs no later checkpoint, even if a policy still trusts it. A ledger that names no set is judged by the policy alone.
 */
export function checkCheckpointSigners(
  keys: KeyDirectory,
  size: number,
  signers: readonly NoteKey[],
): void {
  const sets = [keys.setAt(size - 1), keys.setAt(size)].filter((set) => set !== null);
  if (sets.length === 0) return;
  for (const { name, keyId, type, publicKey } of signers) {
    const isNamed = sets.some(({ ed25519, checkpointKey }) => {
      const named = type === 'ed25519' ? rawKeyOf('ed25519', ed25519.spki) : checkpointKey;
      return Buffer.from(named).equals(publicKey);
    });
    if (isNamed) continue;
    throw new EvidenceError(
      `key ${name}+${keyId} (${type}) is not one that the ledger's entries let sign at ${size} entries`,
    );
  }
}
