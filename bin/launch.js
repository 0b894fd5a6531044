/**
 * Finds a Node that can run Tidegate, then becomes it. Written for Node 20, which a machine may have as its only one:
 * the npm package `node` puts a newer one beside this package, and this file starts itself again with that.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Type stripping, node:sqlite and `using` all work without flags from here on. */
const majorMin = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** `app`: a folder of src/apps; `self`: the file that was started, which is started again when another Node is needed. */
export async function launch(app, self) {
  if (majorOf(process.versions.node) >= majorMin) {
    // Keeps what V8 compiled from one run to the next; saves about a third of the time of `--help`.
    module.enableCompileCache();
    await import(pathToFileURL(mainFile(app)).href);
    return;
  }
  const node = findNode();
  if (node === null) {
    process.stderr.write(
      `error: tidegate needs Node ${majorMin} or newer, this is Node ${process.versions.node} (${process.execPath})\n` +
        `  help: install Node ${majorMin} (https://nodejs.org), or put it beside tidegate: npm install node@${majorMin}\n`,
    );
    process.exitCode = 1;
  } else {
    become(node, self);
  }
}

/** A checkout runs its sources; the package has only what was built. */
function mainFile(app) {
  const source = join(root, 'src', 'apps', app, 'main.ts');
  return existsSync(source) ? source : join(root, 'dist', 'apps', app, 'main.js');
}

function findNode() {
  for (const path of candidates()) {
    if (!existsSync(path)) continue;
    const asked = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
    if (asked.status === 0 && majorOf(asked.stdout.trim().slice(1)) >= majorMin) return path;
  }
  return null;
}

/** The package `node` keeps its program in bin/node; npm links it in node_modules/.bin too. */
function candidates() {
  const paths = [];
  for (const start of [root, process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      paths.push(join(folder, 'node_modules', '.bin', 'node'));
      if (folder === dirname(folder)) break;
    }
    try {
      const found = createRequire(join(start, 'any.js')).resolve('node/package.json');
      paths.push(join(dirname(found), 'bin', 'node'));
    } catch {
      // The package is not installed from there; the other places are still looked at.
    }
  }
  return [...new Set(paths)];
}

function become(node, self) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => {
      // Ctrl-C reaches the whole foreground group, so the child has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`error: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Ends by the same signal, so that a shell sees what it would have seen.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function majorOf(version) {
  return Number(version.split('.')[0]);
}
