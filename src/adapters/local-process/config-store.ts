import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigFile } from '../../domain/release/run-inputs.ts';

/**
 * Config files of revisions: `contents/<sha256>`, and for each instance a folder of its own with those of its revision, made anew at
 * every start. So what an instance writes into it reaches nobody else, and what is on the disk is compared with the digest each time.
 */
export class ConfigStore {
  readonly #contents: string;
  readonly #instances: string;

  private constructor(folder: string) {
    this.#contents = join(folder, 'contents');
    this.#instances = join(folder, 'instances');
  }

  static async open(folder: string): Promise<ConfigStore> {
    const store = new ConfigStore(folder);
    await mkdir(store.#contents, { recursive: true, mode: 0o700 });
    await mkdir(store.#instances, { recursive: true, mode: 0o700 });
    return store;
  }

  /** Durable when it resolves; the same content twice is kept once. */
  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = digestOf(bytes);
    const path = join(this.#contents, sha256);
    const known = await readFile(path).catch(() => null);
    if (known !== null && digestOf(known) === sha256) return sha256;
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, bytes, { mode: 0o600, flush: true });
    await rename(temporary, path);
    return sha256;
  }

  /** The folder of an instance with these files in it, or why it can't be had. */
  async lay(
    instanceId: string,
    files: readonly ConfigFile[],
  ): Promise<{ readonly folder: string } | string> {
    const folder = join(this.#instances, instanceId);
    await this.remove(instanceId);
    await mkdir(folder, { mode: 0o700 });
    for (const { name, sha256 } of files) {
      const bytes = await readFile(join(this.#contents, sha256)).catch(() => null);
      if (bytes === null || digestOf(bytes) !== sha256) {
        const what = bytes === null ? 'is not kept here' : 'is not what it was when it was applied';
        return `config file ${name} ${what} (${sha256.slice(0, 12)}); apply the release file with it again`;
      }
      await writeFile(join(folder, name), bytes, { mode: 0o600 });
    }
    return { folder };
  }

  async remove(instanceId: string): Promise<void> {
    await rm(join(this.#instances, instanceId), { recursive: true, force: true });
  }

  folderOf(instanceId: string): string {
    return join(this.#instances, instanceId);
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
