import { readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { replaceFile, syncFolder } from '../../../adapters/system/durable-file.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import {
  MANIFEST_FILE,
  MAX_MANIFEST_BYTES,
  readManifest,
} from '../../../domain/evidence/backup-manifest.ts';
import type { BackupFile, SignedManifest } from '../../../domain/evidence/backup-manifest.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../../domain/evidence/digest.ts';

/** Files of a backup on a disk: each is written whole, and all of them are on it before the manifest that names them. */
export class BackupFolder {
  readonly path: string;
  /** Folders with new names in them. */
  readonly #unsynced = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Null: there is no backup yet. Throws a RestoreRefusal when there is one that can't be read. */
  async manifest(): Promise<SignedManifest | null> {
    const path = join(this.path, MANIFEST_FILE);
    const size = await sizeOf(path);
    if (size === null) return null;
    try {
      if (size > MAX_MANIFEST_BYTES) throw new EvidenceError(`it has ${size} bytes`);
      return readManifest(await readFile(path, 'latin1'));
    } catch (cause) {
      if (!(cause instanceof EvidenceError)) throw cause;
      throw damaged(MANIFEST_FILE, cause.message);
    }
  }

  async has({ path, sizeBytes }: BackupFile): Promise<boolean> {
    return (await sizeOf(join(this.path, path))) === sizeBytes;
  }

  /** The bytes, when they are those of the manifest. */
  async read({ path, sizeBytes, sha256 }: BackupFile): Promise<Uint8Array> {
    const there = await sizeOf(join(this.path, path));
    if (there === null) throw damaged(path, 'it is missing');
    if (there !== sizeBytes) {
      throw damaged(path, `it has ${there} bytes, not ${sizeBytes} as ${MANIFEST_FILE} says`);
    }
    const bytes = await readFile(join(this.path, path));
    const digest = sha256Hex(bytes);
    if (digest !== sha256) {
      throw damaged(path, `its SHA-256 is ${digest}, not ${sha256} as ${MANIFEST_FILE} says`);
    }
    return bytes;
  }

  /** Null: there is no such file. */
  async readIfThere(path: string): Promise<Uint8Array | null> {
    return (await sizeOf(join(this.path, path))) === null ? null : readFile(join(this.path, path));
  }

  async write(path: string, bytes: Uint8Array): Promise<BackupFile> {
    await replaceFile(join(this.path, path), bytes);
    // Its folder may be new as well, and so may the one above.
    for (let at = dirname(path); ; at = dirname(at)) {
      this.#unsynced.add(join(this.path, at));
      if (at === '.') break;
    }
    return { path, sizeBytes: bytes.length, sha256: sha256Hex(bytes) };
  }

  /** After this the backup is the new one. */
  async commit(manifestText: string): Promise<void> {
    for (const folder of this.#unsynced) await syncFolder(folder);
    this.#unsynced.clear();
    await replaceFile(join(this.path, MANIFEST_FILE), Buffer.from(manifestText));
    await syncFolder(this.path);
  }

  /** What only an earlier manifest named. */
  async drop(paths: readonly string[]): Promise<void> {
    for (const path of paths) await rm(join(this.path, path), { force: true });
  }
}

/** Null: there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function damaged(place: string, message: string): RestoreRefusal {
  return new RestoreRefusal('damaged', { place, message, remedy: DAMAGED_REMEDY });
}
