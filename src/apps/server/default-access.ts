import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authorization } from '../../domain/authorization/authorization.ts';

/** Who may ask services that declare no authorization: everybody, or nobody. */
export type DefaultAccess = (typeof defaultAccesses)[number];
export const defaultAccesses = ['allow', 'deny'] as const;

const fileName = 'authorization.json';

/**
 * As it was said, or else at the last start: a flag that is forgotten must not open every service. Rejects when the file is there
 * and can't be read. Undefined: everybody.
 */
export async function defaultAuthorization(
  stateFolder: string,
  wish: DefaultAccess | null,
): Promise<Authorization | undefined> {
  const path = join(stateFolder, fileName);
  const access = wish ?? (await remembered(path));
  if (wish !== null) {
    const text = `${JSON.stringify({ default: wish })}\n`;
    await writeFile(`${path}.tmp`, text, { mode: 0o600, flush: true });
    await rename(`${path}.tmp`, path);
  }
  return access === 'deny' ? { mode: 'enforce', rules: [] } : undefined;
}

async function remembered(path: string): Promise<DefaultAccess> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return 'allow';
  const found = defaultAccesses.find((each) => text === `{"default":"${each}"}\n`);
  if (found !== undefined) return found;
  throw new Error(`cannot read ${path}: give --default-authorization again`);
}
