import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { projectFolder } from '../../e2e/world.fixture.ts';

const sources = ['src/apps/console', 'src/api', 'package.json'];
const built = 'dist/console/index.html';

/** Builds the console when there is none, or one that is older than its sources: what is tested is what is written. */
export async function requireBuiltConsole(): Promise<void> {
  const builtAtMs = await changedAtMs(built);
  const changed = await Promise.all(sources.map(changedAtMs));
  if (builtAtMs > Math.max(...changed)) return;
  const argv = [join(projectFolder, 'bin', 'build-console.js')];
  const child = spawn(process.execPath, argv, { cwd: projectFolder, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0, 'the console can be built');
}

/** Of a file, or of the newest in a folder; 0: it is not there. */
async function changedAtMs(path: string): Promise<number> {
  const place = join(projectFolder, path);
  const found = await stat(place).catch(() => null);
  if (found === null) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  const names = await readdir(place, { recursive: true });
  const times = await Promise.all(
    names.map(async (name) => (await stat(join(place, name))).mtimeMs),
  );
  return Math.max(0, ...times);
}
