import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whoever can read the state folder owns the installation; made at the first start. */
export async function ownerToken(stateFolder: string): Promise<string> {
  const path = join(stateFolder, 'token');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (known.trim().length >= 43) {
    await chmod(path, 0o600);
    return known.trim();
  }
  const token = randomBytes(32).toString('base64url');
  await writePrivately(path, `${token}\n`);
  return token;
}

/** Whole or not at all, for the one who runs the server. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
