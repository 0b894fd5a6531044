// The `prepare` step: the console's files, which the server serves from dist/console. Written for Node 20, as npm may run it with that.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The folder of the bundler; null: only what runs was installed, as by `npm ci --omit=dev`. */
function bundlerFolder() {
  try {
    return dirname(createRequire(import.meta.url).resolve('vite/package.json'));
  } catch {
    return null;
  }
}

const bundler = bundlerFolder();
if (bundler === null) {
  process.stderr.write('The console is not built, as vite is not installed: npm ci\n');
} else {
  const program = join(bundler, 'bin', 'vite.js');
  const built = spawnSync(
    process.execPath,
    [program, 'build', 'src/apps/console', '--logLevel', 'warn'],
    { cwd: root, stdio: 'inherit' },
  );
  if (built.error !== undefined) throw built.error;
  if (built.status === 0 && !existsSync(join(root, 'dist', 'console', 'index.html'))) {
    throw new Error('the build gave no dist/console/index.html');
  }
  process.exitCode = built.status ?? 1;
}
