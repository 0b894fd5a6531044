import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import { AuthorityFolder } from './authority-folder.ts';
import { certificatesIn } from './authority-record.ts';
import { svidFiles } from './svid-folder.ts';

/** A state folder of a test, gone with it. */
export class StateFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<StateFolder> {
    return new StateFolder(await mkdtemp(join(tmpdir(), 'tidegate-ca-')));
  }

  get authority(): AuthorityFolder {
    return new AuthorityFolder(join(this.path, 'ca'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

export interface SeenSvid {
  readonly certificate: X509Certificate;
  readonly bundle: readonly X509Certificate[];
}

/** What is in force in a folder, whole: the key is the certificate's, an authority of the bundle has signed it, nobody else can read it. */
export async function readWhole(folder: string): Promise<SeenSvid> {
  const place = await realpath(join(folder, 'current'));
  const [certificatePem, keyPem, bundlePem] = await Promise.all(
    [svidFiles.certificate, svidFiles.key, svidFiles.bundle].map((file) =>
      readFile(join(place, file), 'utf8'),
    ),
  );
  const certificate = new X509Certificate(certificatePem ?? '');
  const bundle = certificatesIn(bundlePem ?? '');
  assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem ?? '')), 'the key is another one');
  assert.ok(
    bundle.some((root) => isSignedBy(certificate, root)),
    'no authority of the bundle has signed it',
  );
  for (const [path, mode] of [
    [place, 0o700],
    [join(place, svidFiles.key), 0o600],
  ] as const) {
    assert.equal((await stat(path)).mode & 0o777, mode, path);
  }
  return { certificate, bundle };
}

export function isSignedBy(certificate: X509Certificate, root: X509Certificate): boolean {
  return certificate.checkIssued(root) && certificate.verify(root.publicKey);
}

/** The machine's time. */
export const clockOfTests: Clock = {
  nowMs: () => Date.now(),
  sleep: (durationMs, signal) => sleep(durationMs, undefined, { signal }),
};

/** Resolves with what `look` gives when it is no longer null. */
export async function eventually<T>(look: () => Promise<T | null>, what: string): Promise<T> {
  const untilMs = Date.now() + 60_000;
  while (Date.now() < untilMs) {
    const seen = await look();
    if (seen !== null) return seen;
    await sleep(20);
  }
  return assert.fail(`not within a minute: ${what}`);
}
