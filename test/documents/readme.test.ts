/** Every command in README.md is run, in order, as a stranger would run it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../e2e/free-port.fixture.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const launcher = join(root, 'bin', 'tidegate.js');

/** Commands that this test does not run itself, and the test that does. */
const runElsewhere: Readonly<Record<string, string>> = {
  'npm ci && npm start': 'test/e2e/demo.test.ts',
};

test('every command in README.md works', { timeout: 120_000 }, async () => {
  const state = mkdtempSync(join(tmpdir(), 'tidegate-readme-'));
  const env = { ...process.env, TIDEGATE_STATE: state };
  const ports = { listen: await freePort(), gateway: await freePort() };
  const commands = readmeCommands(readFileSync(join(root, 'README.md'), 'utf8'));
  assert.ok(commands.length >= 10, 'README.md has its first release');
  try {
    for (const command of commands) {
      const elsewhere = runElsewhere[command];
      if (elsewhere !== undefined) {
        assert.ok(existsSync(join(root, elsewhere)), `${command}: ${elsewhere} is gone`);
        continue;
      }
      const ran = await run(withFreePorts(command, ports), env);
      assert.ok(isFine(command, ran), `${command}\n${ran.output}`);
    }
  } finally {
    await run('tidegate down', env);
    rmSync(state, { recursive: true, force: true });
  }
});

test('comments and continuations are not commands', () => {
  const found = readmeCommands('```sh\n# nothing\ntidegate up   # why\n```\n```yaml\na: b\n```');
  assert.deepEqual(found, ['tidegate up']);
});

/** A busy machine makes a load late, which it then says itself: that is an answer, too. */
function isFine(command: string, ran: { readonly code: number; readonly output: string }): boolean {
  if (ran.code === 0) return true;
  return command.startsWith('tidegate load') && ran.code === 99 && ran.output.includes('Invalid:');
}

function readmeCommands(text: string): string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap(([, block = '']) => block.split('\n'))
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** The README uses the default ports; other programs of this machine may have them. */
function withFreePorts(command: string, ports: { listen: number; gateway: number }): string {
  if (command !== 'tidegate up') return command;
  return `tidegate up --listen 127.0.0.1:${ports.listen} --gateway-listen 127.0.0.1:${ports.gateway}`;
}

function run(
  command: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number; readonly output: string }> {
  const script = `tidegate() { "${process.execPath}" "${launcher}" "$@"; }; ${command}`;
  return new Promise((resolve) => {
    const options = { cwd: root, env, timeout: 180_000 };
    execFile('bash', ['-c', script], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output: `${stdout}${stderr}` });
    });
  });
}
