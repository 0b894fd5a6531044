import { spawnSync } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Why there is no disk: mounting needs root. Null: it is there. */
  readonly refusal: string | null;
}

/** A disk of its own that is soon full: a tmpfs of `size` (`2m`), unmounted with the object. */
export async function smallDisk(size: string): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-disk-'));
  const run = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], {
    encoding: 'utf8',
  });
  const refusal = run.status === 0 ? null : (run.error?.message ?? run.stderr.trim());
  return {
    path,
    refusal,
    [Symbol.asyncDispose]: async () => {
      if (refusal === null) spawnSync('umount', [path]);
      await rmdir(path);
    },
  };
}
