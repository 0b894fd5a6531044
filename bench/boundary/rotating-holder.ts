import { readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { svidFiles } from '../../src/adapters/authority/svid-folder.ts';

export interface HeldTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

const lookEveryMs = 50;

/** Who has a certificate, and reads it again when there is another. `folder` is the link to the version in force. */
export class RotatingHolder {
  tls: HeldTls;
  /** How many it has had, one after the other. */
  certificates = 0;
  readonly #folder: string;
  #version = '';

  /** `onNew` is called with each further one. */
  static async of(folder: string, onNew: (tls: HeldTls) => void): Promise<RotatingHolder> {
    const empty = Buffer.alloc(0);
    const holder = new RotatingHolder(folder, { cert: empty, key: empty, ca: empty });
    await holder.#look();
    const looking = setInterval(() => {
      void holder.#look().then((isNew) => isNew && onNew(holder.tls));
    }, lookEveryMs);
    looking.unref();
    return holder;
  }

  private constructor(folder: string, tls: HeldTls) {
    this.#folder = folder;
    this.tls = tls;
  }

  /** Whether it was another one. */
  async #look(): Promise<boolean> {
    const version = await readlink(this.#folder);
    if (version === this.#version) return false;
    const file = (name: string): Promise<Buffer> =>
      readFile(join(dirname(this.#folder), version, name));
    const { certificate, key, bundle } = svidFiles;
    const read = [certificate, key, bundle].map(file);
    const all = await Promise.all(read).catch(() => null);
    const [cert, own, ca] = all ?? [];
    // Replaced meanwhile: looked at again in a moment.
    if (cert === undefined || own === undefined || ca === undefined) return false;
    this.#version = version;
    this.certificates += 1;
    this.tls = { cert, key: own, ca };
    return true;
  }
}
