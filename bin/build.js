// The `prepack` step: JavaScript for the package, because Node strips no types below node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Files of an earlier build whose source is gone would be packed too.
rmSync(join(root, 'dist'), { recursive: true, force: true });

const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
const program = join(dirname(compiler), 'bin', 'tsc');
const built = spawnSync(process.execPath, [program, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (built.error !== undefined) throw built.error;
if (built.status === 0 && !existsSync(join(root, 'dist', 'apps', 'cli', 'main.js'))) {
  throw new Error('the build gave no dist/apps/cli/main.js');
}
process.exitCode = built.status ?? 1;
if (built.status === 0) await import('./build-console.js');
