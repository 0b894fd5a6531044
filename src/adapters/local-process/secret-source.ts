import { createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import type { SecretReference, SecretSource } from '../../domain/release/run-inputs.ts';
import type { Environment } from './instance-environment.ts';

/** More is no secret but a file; Linux takes 128 KiB for one variable (execve(2)). */
const secretBytesMax = 65_536;

export type ReadSecret =
  | { readonly kind: 'secret'; readonly value: string; readonly digest: string }
  /** `because` never holds a part of the value. */
  | { readonly kind: 'refused'; readonly because: string; readonly remedy: string };

/** Reads secrets where they are, each time anew: no value is kept here, and none is in a message. */
export class SecretReader {
  readonly #key: Buffer;
  readonly #environment: Environment;

  private constructor(key: Buffer, environment: Environment) {
    this.#key = key;
    this.#environment = environment;
  }

  /** The key of the digests is made once and stays: with another one every secret would seem to have changed. */
  static async open(keyPath: string, environment: Environment): Promise<SecretReader> {
    const made = randomBytes(32);
    const isNew = await writeFile(keyPath, made, { mode: 0o600, flag: 'wx', flush: true }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        return false;
      },
    );
    return new SecretReader(isNew ? made : await readFile(keyPath), environment);
  }

  async read(source: SecretSource): Promise<ReadSecret> {
    const found =
      source.kind === 'file'
        ? await readPrivately(source.path)
        : readVariable(source.name, this.#environment);
    if (found.kind === 'refused') return found;
    const { value } = found;
    if (value.includes('\0')) {
      return refused('it holds a NUL character', 'no variable can carry one: encode the value');
    }
    if (value === '') return refused('it is empty', 'write the value');
    return { kind: 'secret', value, digest: this.digestOf(value) };
  }

  digestOf(value: string): string {
    return createHmac('sha256', this.#key).update(value).digest('hex');
  }

  /**
   * What the instances of a revision ask for their flags with: always the same, and kept nowhere. No secret holds a NUL, so that
   * this is the digest of none.
   */
  flagTokenOf(revisionId: string): string {
    return createHmac('sha256', this.#key).update(`\0flags\0${revisionId}`).digest('base64url');
  }

  /** The values of a revision, or the first reason why an instance of it can't have them. */
  async valuesOf(
    secrets: Readonly<Record<string, SecretReference>>,
  ): Promise<Readonly<Record<string, string>> | string> {
    const values: Record<string, string> = {};
    for (const [name, { source, digest }] of Object.entries(secrets)) {
      const read = await this.read(source);
      const where = `secret ${name} (${sourceText(source)})`;
      if (read.kind === 'refused')
        return `${where} cannot be read: ${read.because}; ${read.remedy}`;
      if (read.digest !== digest) {
        return `${where} is not the one that this revision was applied with; put it back, or apply the file again for a new revision`;
      }
      values[name] = read.value;
    }
    return values;
  }
}

export function sourceText(source: SecretSource): string {
  return source.kind === 'file' ? source.path : `variable ${source.name} of the server`;
}

function readVariable(name: string, environment: Environment): Found {
  const value = environment[name];
  if (value !== undefined) return { kind: 'found', value };
  return refused('the server has no such variable', 'start the server with it');
}

type Found = { readonly kind: 'found'; readonly value: string } | Refused;
type Refused = Extract<ReadSecret, { kind: 'refused' }>;

/** Only a regular file that nobody but its owner may read, and that is the server's own or root's. One line feed at its end is none of it. */
async function readPrivately(path: string): Promise<Found> {
  try {
    // Without waiting for a writer, should it be a pipe.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { mode, uid, size } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      return refused('it is no regular file', 'name a file');
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      return refused(`others may read it (mode ${shown})`, `run chmod 600 ${path}`);
    }
    const own = process.getuid?.() ?? 0;
    if (uid !== own && uid !== 0) {
      return refused(`it belongs to user ${uid}`, `give it to the server's user, ${own}`);
    }
    if (size > secretBytesMax)
      return refused(`it has more than ${secretBytesMax} bytes`, 'name a smaller file');
    return { kind: 'found', value: (await file.readFile('utf8')).replace(/\r?\n$/, '') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return refused(code, 'make it, or correct the path');
  }
}

function refused(because: string, remedy: string): Refused {
  return { kind: 'refused', because, remedy };
}
