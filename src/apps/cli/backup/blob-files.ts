import { mkdir, readFile, rename } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { BlobFolder } from '../../../adapters/blob-folder/blob-folder.ts';
import { replaceFile, syncFolder } from '../../../adapters/system/durable-file.ts';
import type { BackupPart } from '../../../control/ledger/ledger-backup.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import { blobPath } from '../../../domain/evidence/blob-event.ts';
import type { BackupFile } from '../../../domain/evidence/backup-manifest.ts';
import { BlobError } from '../../../ports/blob-store.ts';
import type { BackupFolder } from './backup-folder.ts';

const folderName = 'blobs';

/** The blobs of a state folder as files of a backup, as they are kept. */
export async function* blobParts(
  stateFolder: string,
  signal: AbortSignal,
): AsyncIterable<BackupPart> {
  const folder = join(stateFolder, folderName);
  for await (const { sha256Hex } of BlobFolder.reader(folder).list(signal)) {
    const path = join(folder, blobPath(sha256Hex));
    // Deleted meanwhile, as its time was over.
    if (!existsSync(path)) continue;
    yield { path: `${folderName}/${blobPath(sha256Hex)}`, content: () => readFile(path) };
  }
}

/** Copies the blobs of a backup to the stage; each has to have the digest of its name. */
export async function stageBlobs(
  backup: BackupFolder,
  files: readonly BackupFile[],
  to: { readonly stage: string; readonly signal: AbortSignal },
): Promise<void> {
  const target = join(to.stage, folderName);
  for (const file of files.filter(({ path }) => path.startsWith(`${folderName}/`))) {
    await replaceFile(join(to.stage, file.path), await backup.read(file));
    const digest = /([0-9a-f]{64})\.zst$/.exec(file.path)?.[1] ?? '';
    try {
      if ((await BlobFolder.reader(target).get(digest, to.signal)) !== null) continue;
      throw new BlobError('damaged', 'its name is not that of a blob');
    } catch (cause) {
      if (!(cause instanceof BlobError)) throw cause;
      const what = { place: file.path, message: cause.message, remedy: DAMAGED_REMEDY, cause };
      throw new RestoreRefusal('damaged', what);
    }
  }
}

/** Into a state folder that has none. */
export async function putBlobsInPlace(stage: string, stateFolder: string): Promise<void> {
  if (!existsSync(join(stage, folderName))) return;
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await rename(join(stage, folderName), join(stateFolder, folderName));
  await syncFolder(stateFolder);
}
