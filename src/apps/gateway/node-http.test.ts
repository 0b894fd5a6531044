import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** Whether a process that imports these has loaded the undici of Node.js itself. */
async function loadsUndici(modules: readonly string[]): Promise<boolean> {
  const imports = modules.map((each) => `await import(${JSON.stringify(each)});`).join('\n');
  const script = `${imports}
    console.log(process.moduleLoadList.some((name) => name.includes('deps/undici/undici')));`;
  const argv = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  return stdout.trim() === 'true';
}

test('what a gateway loads to serve does not load the undici of Node.js', async () => {
  const modules = ['engine-kind.ts', 'gateway.ts', 'own-plane.ts', 'workers/worker.ts'];
  const urls = modules.map((name) => new URL(name, import.meta.url).href);
  assert.equal(await loadsUndici(urls), false);
});

test('an import of node:http would', async () => {
  assert.equal(await loadsUndici(['node:http']), true);
});

test('nor does the thread that exports spans', async () => {
  const text = await readFile(new URL('tracing/otlp-worker.ts', import.meta.url), 'utf8');
  assert.doesNotMatch(text, /from 'node:https?'/);
});
