import { mkdir, open, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credentials } from '../../ports/workload-identities.ts';

/** As spiffe-helper calls them. */
export const svidFiles = {
  certificate: 'svid.pem',
  key: 'svid_key.pem',
  bundle: 'svid_bundle.pem',
  /** For gateways: what is trusted no more (deny-list.ts). */
  denied: 'denied.json',
} as const;

/** The version in force: a link, so that all files of it are replaced in one step, as Kubernetes does with mounted secrets. */
export const currentName = 'current';
/** The one in force and the one before, which somebody may be reading. */
const versionsKept = 2;

export interface SvidVersion extends Credentials {
  /** Unique; names the version's folder. */
  readonly serial: string;
  /** Null: there is no such file. */
  readonly deniedJson: string | null;
}

/** Puts a version in force. A crash at any place leaves the one before, or this one, whole. */
export async function writeSvid(folder: string, version: SvidVersion): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `version-${version.serial}`;
  const place = join(folder, name);
  await mkdir(place, { mode: 0o700 });
  await writePrivately(join(place, svidFiles.key), version.keyPem);
  await writePrivately(join(place, svidFiles.certificate), version.certificatePem);
  await writePrivately(join(place, svidFiles.bundle), version.bundlePem);
  if (version.deniedJson !== null) {
    await writePrivately(join(place, svidFiles.denied), version.deniedJson);
  }
  const link = join(folder, `${currentName}.${version.serial}`);
  await symlink(name, link);
  await rename(link, join(folder, currentName));
}

/** Removes all versions but the newest ones, `serials` being these with the newest last. */
export async function forgetVersions(folder: string, serials: readonly string[]): Promise<void> {
  const kept = new Set(serials.slice(-versionsKept).map((serial) => `version-${serial}`));
  for (const name of await readdir(folder)) {
    const isVersion = name.startsWith('version-') && !kept.has(name);
    // Left by a crash between its two steps.
    const isLink = name.startsWith(`${currentName}.`);
    if (isVersion || isLink) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** The key is there for its owner alone from its first byte on. */
async function writePrivately(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await writeFile(file, text);
}
