import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { replaceFile, syncFolder } from '../../../adapters/system/durable-file.ts';
import type { BackupPart } from '../../../control/ledger/ledger-backup.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import type { BackupFile } from '../../../domain/evidence/backup-manifest.ts';
import { sha256Hex } from '../../../domain/evidence/digest.ts';
import type { BackupFolder } from './backup-folder.ts';

/** In a backup; in a state folder they are where the platform keeps them (adapters/local-process/config-store.ts). */
const folderName = 'config';
const digestName = /^[0-9a-f]{64}$/;

const keptIn = (stateFolder: string): string =>
  join(stateFolder, 'instances', 'config', 'contents');

/**
 * The config files of all revisions as files of a backup, by digest. One that is no longer what it was applied as is left out and
 * told: no instance starts with it, and a backup of it could not be restored.
 */
export async function* configParts(
  stateFolder: string,
  onDamaged: (name: string) => void,
): AsyncIterable<BackupPart> {
  const folder = keptIn(stateFolder);
  if (!existsSync(folder)) return;
  for (const name of (await readdir(folder)).toSorted()) {
    // What is being written has another name.
    if (!digestName.test(name)) continue;
    const bytes = await readFile(join(folder, name));
    if (sha256Hex(bytes) === name) {
      yield { path: `${folderName}/${name}`, content: () => Promise.resolve(bytes) };
    } else {
      onDamaged(join(folder, name));
    }
  }
}

/** Checks the config files of a backup, and gives what puts them in place; each has to have the digest of its name. */
export async function readConfigFiles(
  backup: BackupFolder,
  files: readonly BackupFile[],
): Promise<(stateFolder: string) => Promise<void>> {
  const named = files.filter(({ path }) => path.startsWith(`${folderName}/`));
  for (const file of named) {
    if (nameOf(file) === file.sha256 && digestName.test(nameOf(file))) {
      await backup.read(file);
      continue;
    }
    const message = 'its name is not that of a config file';
    throw new RestoreRefusal('damaged', { place: file.path, message, remedy: DAMAGED_REMEDY });
  }
  return async (stateFolder) => {
    if (named.length === 0) return;
    const folder = keptIn(stateFolder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const file of named)
      await replaceFile(join(folder, nameOf(file)), await backup.read(file));
    await syncFolder(folder);
  };
}

function nameOf({ path }: BackupFile): string {
  return path.slice(folderName.length + 1);
}
