import { createPublicKey, sign } from 'node:crypto';
import { access, link, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { isErrno } from './errno.ts';
import type { NoteSigner, PostQuantumKeys, Signer } from '../../ports/identity.ts';
import { CHECKPOINT_KEY_FILE, openLogNoteSigners } from './note-signing-key.ts';
import {
  openKeyFile,
  openSigningKey,
  SIGNING_KEY_FILE,
  SigningKeyError,
  syncFolder,
} from './signing-key.ts';

/** What decides is signed with this one, too: ML-DSA-65. */
export const DECISION_KEY_FILE = 'decision-key-ml-dsa-65.pem';

/** All that a server signs with, from one folder. */
export interface LogKeyFiles {
  readonly signer: Signer & { readonly postQuantum: PostQuantumKeys };
  /** Of its checkpoints. */
  readonly notes: readonly NoteSigner[];
}

/** The keys of this folder, each made when there is none; throws a SigningKeyError. */
export async function openLogKeys(folder: string): Promise<LogKeyFiles> {
  const signer = await openSigningKey(folder);
  const notes = await openLogNoteSigners(folder);
  const decision = await openKeyFile(folder, { file: DECISION_KEY_FILE, type: 'ml-dsa-65' });
  const publicKey = createPublicKey(decision).export({ type: 'spki', format: 'der' });
  const checkpointKey = notes.find(({ type }) => type === 'cosignature-ml-dsa-44')?.publicKey;
  if (checkpointKey === undefined) throw new Error('there is an ML-DSA-44 key among them');
  const postQuantum: PostQuantumKeys = {
    keyId: sha256Hex(publicKey),
    publicKey,
    checkpointKey,
    sign: async (message, signal) => {
      signal.throwIfAborted();
      return sign(null, message, decision);
    },
  };
  return { signer: { ...signer, postQuantum }, notes };
}

/**
 * A rotation in files, so that a crash anywhere leaves keys that the ledger knows:
 *
 *   1 the next keys are made in a folder of their own, and durable;
 *   2 the entry that brings them is durable (the caller's part);
 *   3 they take the places of the old ones, and then that folder goes, the key of entries first.
 *
 * Whoever starts and finds that folder asks the ledger: does it know its key, 3 is done again, else the folder is dropped.
 */
export async function prepareNextKeys(folder: string): Promise<LogKeyFiles> {
  await discardNextKeys(folder);
  const next = nextFolder(folder);
  await mkdir(next, { recursive: true, mode: 0o700 });
  const keys = await openLogKeys(next);
  await syncFolder(folder);
  return keys;
}

/** Null: no rotation was begun, or it was ended. */
export async function findNextKeys(folder: string): Promise<LogKeyFiles | null> {
  // It leaves that folder first: without it all are in their places.
  if (!(await exists(join(nextFolder(folder), SIGNING_KEY_FILE)))) return null;
  return openLogKeys(nextFolder(folder));
}

/** The next keys take the places of the old ones, which are gone then; again and again is the same. */
export async function adoptNextKeys(folder: string): Promise<void> {
  const next = nextFolder(folder);
  try {
    for (const file of [CHECKPOINT_KEY_FILE, DECISION_KEY_FILE, SIGNING_KEY_FILE]) {
      const draft = join(folder, `${file}.next`);
      await rm(draft, { force: true });
      await link(join(next, file), draft);
      await rename(draft, join(folder, file));
      // Where it was that file already, rename(2) does nothing.
      await rm(draft, { force: true });
    }
    await syncFolder(folder);
    await rm(join(next, SIGNING_KEY_FILE), { force: true });
    await syncFolder(next);
    await rm(next, { recursive: true, force: true });
  } catch (error) {
    const message = `cannot put the new keys of ${next} into ${folder}: ${String(error)}; the next start tries again`;
    throw new SigningKeyError('io', message, error);
  }
}

export async function discardNextKeys(folder: string): Promise<void> {
  await rm(join(nextFolder(folder), SIGNING_KEY_FILE), { force: true });
  await rm(nextFolder(folder), { recursive: true, force: true });
}

function nextFolder(folder: string): string {
  return join(folder, 'next');
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
