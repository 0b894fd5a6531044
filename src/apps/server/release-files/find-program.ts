import { access, constants, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';

/**
 * Whether execvp(3) would find the program: from the working folder when its name holds a slash, else in PATH. Asked
 * before anything is started, so that a mistyped command is refused with its place in the file.
 */
export async function isProgramThere(
  program: string,
  place: { readonly workingFolder: string; readonly path: string },
): Promise<boolean> {
  const { workingFolder, path } = place;
  const folders = program.includes('/') ? [workingFolder] : path.split(delimiter);
  for (const folder of folders) {
    // An empty part of PATH means the working folder (POSIX.1-2024, 8.3).
    if (await isExecutable(resolve(workingFolder, folder, program))) return true;
  }
  return false;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Not there, or not ours to start: the same to whoever wrote the file.
    return false;
  }
}
