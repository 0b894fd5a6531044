import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const source = join(import.meta.dirname, 'peers');

/**
 * Installs the npm packages in a folder of their own, once for each lock file, and lays the scripts beside them. Null:
 * npm could not; `onFailure` hears why.
 */
export async function installPeers(
  onFailure: (reason: string) => void,
  signal: AbortSignal,
): Promise<string | null> {
  const lock = await readFile(join(source, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `tidegate-bench-peers-${digest}`);
  const mark = join(folder, 'installed');
  try {
    if (!existsSync(mark)) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
      await cp(source, folder, { recursive: true });
      const npm = promisify(execFile);
      await npm('npm', ['ci', '--ignore-scripts'], { cwd: folder, signal, timeout: 120_000 });
      await writeFile(mark, '');
    } else await cp(source, folder, { recursive: true });
    return folder;
  } catch (error) {
    signal.throwIfAborted();
    onFailure(error instanceof Error ? error.message : String(error));
    return null;
  }
}
