import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivately } from './private-files.ts';

/**
 * What `read` makes of the path that was wished for, else of the one of the last start: a start that forgot policies would let do what
 * they forbid. Null: none; the wish `off` forgets it. What cannot be read is not remembered.
 */
export async function readRemembered<T>(
  stateFolder: string,
  { name, wish }: { readonly name: 'policies' | 'oidc'; readonly wish: string | null },
  read: (path: string) => Promise<T>,
): Promise<T | null> {
  const file = join(stateFolder, `${name}.json`);
  const path = wish === null ? await remembered(file, name) : wish === 'off' ? null : wish;
  const found = path === null ? null : await read(path);
  if (wish !== null) await writePrivately(file, `${JSON.stringify({ folder: path })}\n`);
  return found;
}

/** Whether there is one is known only here, so an unreadable file ends the start. */
async function remembered(file: string, name: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const { folder }: { readonly folder?: unknown } = JSON.parse(text);
  if (folder === null || typeof folder === 'string') return folder;
  throw new Error(`cannot read ${file}: say which with --${name} PATH, or off`);
}
