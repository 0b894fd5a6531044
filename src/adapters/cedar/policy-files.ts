import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

/** A policy that cannot be taken: each line is `FILE:LINE:COLUMN: what is wrong`. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** Of one's own, together. */
const filesMax = 200;
const bytesMax = 1024 * 1024;

/** What says which words a policy may use, and the policies of the roles: both come with Tidegate. */
export async function shippedFiles(): Promise<{
  readonly schema: PolicyFile;
  readonly policies: PolicyFile;
}> {
  const folder = fileURLToPath(new URL('../../../policies/', import.meta.url));
  const [schema, policies] = await Promise.all([
    policyFile(join(folder, 'tidegate.cedarschema')),
    policyFile(join(folder, 'roles.cedar')),
  ]);
  return { schema, policies };
}

/** The files `*.cedar` of a folder, by name. Throws a PolicyError: there is no such folder, none in it, or too much. */
export async function ownFiles(folder: string): Promise<readonly PolicyFile[]> {
  let names: readonly string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.cedar')).toSorted();
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new PolicyError(`cannot read the policies in ${folder}: ${why}`, { cause });
  }
  if (names.length === 0 || names.length > filesMax) {
    const message = `${folder} has ${names.length} files *.cedar: must be 1-${filesMax}`;
    throw new PolicyError(message);
  }
  const paths = names.map((name) => join(folder, name));
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (sizeBytes > bytesMax) {
    throw new PolicyError(`the policies in ${folder} have ${sizeBytes} bytes: at most ${bytesMax}`);
  }
  return Promise.all(paths.map(policyFile));
}

async function policyFile(path: string): Promise<PolicyFile> {
  return { path, text: await readFile(path, 'utf8') };
}
