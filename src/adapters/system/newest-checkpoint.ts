import { join } from 'node:path';

import { replaceFile } from './durable-file.ts';

/** The newest checkpoint a server made, beside its ledger: it outlives a damaged one, and a restore is compared with it. */
export const NEWEST_CHECKPOINT_FILE = 'newest-checkpoint';

export async function rememberCheckpoint(stateFolder: string, note: string): Promise<void> {
  await replaceFile(join(stateFolder, NEWEST_CHECKPOINT_FILE), Buffer.from(note));
}
