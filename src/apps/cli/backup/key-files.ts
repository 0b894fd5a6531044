import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

import { replaceFile, syncFolder } from '../../../adapters/system/durable-file.ts';
import { type LogKeyFiles, openLogKeys } from '../../../adapters/system/log-keys.ts';
import { SIGNING_KEY_FILE } from '../../../adapters/system/signing-key.ts';
import { CliError } from '../cli-error.ts';

/** Null: the folder has none. It is never made here, as opening one that is missing would. */
export async function keysIn(keysFolder: string): Promise<LogKeyFiles | null> {
  const found = await stat(join(keysFolder, SIGNING_KEY_FILE)).catch(() => null);
  return found === null ? null : openLogKeys(keysFolder);
}

/** Copies private keys, readable for their owner only. What is there under the same name must be the same. */
export async function copyKeys(from: string, to: string): Promise<readonly string[]> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter((each) => each.isFile() && each.name.endsWith('.pem'));
  for (const { name } of names) {
    const bytes = await readFile(join(from, name));
    const known = await readFile(join(to, name)).catch(() => null);
    if (known !== null && !known.equals(bytes)) {
      throw new CliError(`cannot copy the key ${name}: ${to} has another one of that name`, {
        code: 'refused',
        remedy: 'name an empty folder, and keep both keys until it is known which is right',
      });
    }
    await replaceFile(join(to, name), bytes);
  }
  await syncFolder(to);
  return names.map(({ name }) => name);
}

/** Keys beside the backup would let whoever gets it write entries that nobody can tell from ours. */
export function requireApart(keysFolder: string, backupFolder: string): void {
  const way = relative(resolve(backupFolder), resolve(keysFolder));
  if (way.startsWith('..')) return;
  throw new CliError(`cannot put private keys into the backup ${backupFolder}`, {
    code: 'usage',
    remedy: 'name a folder elsewhere, best on a medium of its own',
  });
}
