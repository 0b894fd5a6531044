import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { CliError } from './cli-error.ts';
import type { Session } from './session.ts';

export interface ReleaseFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** The wire takes no more. */
const filesMax = 500;
/** A single file over this is refused here already; the parser has the same limit. */
const fileBytesMax = 1024 * 1024;
const endings = ['.yaml', '.yml', '.json'];

/** `-` is standard input; a folder means the release files right in it, by name, as kubectl reads folders. */
export async function readReleaseFiles(
  session: Session,
  names: readonly string[],
): Promise<ReleaseFile[]> {
  const files: ReleaseFile[] = [];
  for (const name of names) {
    if (name === '-') files.push(await readStandardInput(session));
    else files.push(...(await readNamed(resolve(session.workingFolder, name))));
  }
  if (files.length > filesMax) {
    throw new CliError(`cannot take ${files.length} files: at most ${filesMax} at once`, {
      code: 'usage',
      remedy: 'apply folder by folder',
    });
  }
  return files;
}

async function readNamed(path: string): Promise<ReleaseFile[]> {
  try {
    const stats = await stat(path);
    if (!stats.isDirectory()) return [await readOne(path)];
    const names = (await readdir(path)).toSorted();
    const paths = names.filter((name) => endings.some((ending) => name.endsWith(ending)));
    if (paths.length === 0) {
      throw new CliError(`cannot find a release file in ${path}`, {
        code: 'usage',
        remedy: `release files end in ${endings.join(', ')}`,
      });
    }
    return await Promise.all(paths.map((name) => readOne(join(path, name))));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? cause.code : cause;
    const why = code === 'ENOENT' ? 'no such file or folder' : String(code);
    throw new CliError(`cannot read ${path}: ${why}`, { code: 'unreadable', cause });
  }
}

async function readOne(path: string): Promise<ReleaseFile> {
  const { size } = await stat(path);
  if (size > fileBytesMax) throw tooBig(path);
  return { path, text: await readFile(path, 'utf8') };
}

async function readStandardInput(session: Session): Promise<ReleaseFile> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of session.stdin) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > fileBytesMax) throw tooBig('standard input');
    chunks.push(bytes);
  }
  // Relative folders in it mean the caller's folder, so it gets a name in there.
  const path = join(session.workingFolder, 'stdin.yaml');
  return { path, text: Buffer.concat(chunks).toString('utf8') };
}

function tooBig(what: string): CliError {
  return new CliError(`cannot take ${what}: it is over 1 MiB`, {
    code: 'usage',
    remedy: 'a release file describes services; split it into several',
  });
}
