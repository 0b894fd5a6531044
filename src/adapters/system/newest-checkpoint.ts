import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { replaceFile } from './durable-file.ts';
import { isErrno } from './errno.ts';

/** The newest checkpoint a server made, beside its ledger: it outlives a damaged one, and a restore is compared with it. */
export const NEWEST_CHECKPOINT_FILE = 'newest-checkpoint';

export async function rememberCheckpoint(stateFolder: string, note: string): Promise<void> {
  await replaceFile(join(stateFolder, NEWEST_CHECKPOINT_FILE), Buffer.from(note));
}

/** With ML-DSA-44 and as many cosignatures as anybody has, far longer than any. */
const noteBytesMax = 256 * 1024;

/** Null: none was made. What is longer than any checkpoint is cut off, and then no checkpoint. */
export async function rememberedCheckpoint(
  stateFolder: string,
): Promise<{ readonly from: string; readonly note: string } | null> {
  const from = join(stateFolder, NEWEST_CHECKPOINT_FILE);
  try {
    await using file = await open(from, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(noteBytesMax), 0, noteBytesMax, 0);
    return { from, note: buffer.toString('utf8', 0, bytesRead) };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}
