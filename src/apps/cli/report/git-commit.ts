import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const timeoutMs = 5000;

/** The commit checked out at a folder that is the root of a git work tree; null when it is none, or there is no git. */
export async function commitOfRoot(folder: string): Promise<string | null> {
  const root = await git(folder, ['rev-parse', '--show-toplevel']);
  // A package installed somewhere below another project's work tree must not be tied to that project's commit.
  if (root === null || (await realpath(root)) !== (await realpath(folder))) return null;
  return commitAround(folder);
}

/** The commit checked out in the work tree that the folder is in. */
export function commitAround(folder: string): Promise<string | null> {
  return git(folder, ['rev-parse', '--verify', 'HEAD']);
}

async function git(folder: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await run('git', ['-C', folder, ...args], { timeout: timeoutMs });
    return stdout.trim() || null;
  } catch {
    // No git, no work tree or no commit: then there is none to name, and the report says so.
    return null;
  }
}
