import { createPublicKey, sign } from 'node:crypto';

import { rawKeyOf } from '../../domain/evidence/note-key.ts';
import type { NoteKeyType } from '../../domain/evidence/note-key.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import { openKeyFile, SIGNING_KEY_FILE } from './signing-key.ts';

/** Of the server: a quantum computer that forges Ed25519 can't forge this one. */
export const CHECKPOINT_KEY_FILE = 'checkpoint-key-ml-dsa-44.pem';

/** What a log signs its checkpoints with: the key of its entries (Ed25519), and an ML-DSA-44 key of its own. */
export async function openLogNoteSigners(folder: string): Promise<readonly NoteSigner[]> {
  return [
    await openNoteSigner(folder, SIGNING_KEY_FILE, 'ed25519'),
    await openNoteSigner(folder, CHECKPOINT_KEY_FILE, 'cosignature-ml-dsa-44'),
  ];
}

/** The key of this file as a signer of notes, made when there is none; throws a SigningKeyError. */
export async function openNoteSigner(
  folder: string,
  file: string,
  type: NoteKeyType,
): Promise<NoteSigner> {
  const algorithm = type === 'cosignature-ml-dsa-44' ? 'ml-dsa-44' : 'ed25519';
  const privateKey = await openKeyFile(folder, { file, type: algorithm });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    type,
    publicKey: rawKeyOf(type, spki),
    sign: async (message, signal) => {
      signal.throwIfAborted();
      return sign(null, message, privateKey);
    },
  };
}
