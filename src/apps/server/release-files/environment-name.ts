import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../../adapters/system/durable-file.ts';
import { isErrno } from '../../../adapters/system/errno.ts';

const fileName = 'environment';
const pattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/**
 * The name of the environment that a state folder is: what is said now, else what was said last, else none. Were it forgotten, a
 * server started again without it would give the same file other flags.
 */
export async function environmentNameOf(
  stateFolder: string,
  said: string | null,
): Promise<string | null> {
  const path = join(stateFolder, fileName);
  if (said === null) return remembered(path);
  if (!pattern.test(said)) {
    throw new Error(
      `--environment ${JSON.stringify(said.slice(0, 80))}: must be 1-64 letters and digits, with inner - _ and ., as production`,
    );
  }
  await replaceFile(path, Buffer.from(`${said}\n`));
  return said;
}

async function remembered(path: string): Promise<string | null> {
  try {
    const name = (await readFile(path, 'utf8')).trim();
    if (pattern.test(name)) return name;
    throw new Error(`${path} holds no name of an environment: say it with --environment`);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}
