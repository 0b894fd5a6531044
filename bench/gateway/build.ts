import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { projectFolder } from '../world.ts';

/** Of the built gateway, in the folder it was built into. */
export const gatewayEntry = join('dist', 'apps', 'gateway', 'main.js');

/** The gateway as it is installed: JavaScript, without the 34 MB that Node takes to strip types. Resolves with its path. */
export async function build(folder: string): Promise<string> {
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const argv = [compiler, '-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, argv, { cwd: projectFolder });
  await writeFile(join(folder, 'package.json'), '{"type":"module","version":"0.0.0"}');
  await symlink(join(projectFolder, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, gatewayEntry);
}
