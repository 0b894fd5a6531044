import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';

import { mainPath, startFakeServer } from '../../src/apps/cli/cli.fixture.ts';
import { stableService } from '../../src/apps/cli/wire-samples.fixture.ts';

type Shell = 'bash' | 'zsh' | 'fish';

interface Asked {
  /** Words before the cursor, the program's name first; the last one is what is completed. */
  readonly words: readonly string[];
  readonly want: readonly string[];
}

const rows: readonly Asked[] = [
  { words: ['tidegate', 'roll'], want: ['rollout'] },
  { words: ['tidegate', 'rollout', 're'], want: ['resume', 'retry'] },
  { words: ['tidegate', 'describe', ''], want: ['checkout', 'payments'] },
  { words: ['tidegate', 'rollout', 'undo', 'pay'], want: ['payments'] },
  { words: ['tidegate', 'get', 'services', '-o', 'j'], want: ['json'] },
  { words: ['tidegate', 'apply', '--dr'], want: ['--dry-run'] },
  { words: ['tidegate', 'apply', '-f', 'rel'], want: ['release a.yaml', 'release.yaml'] },
  { words: ['tidegate', 'rollout', 'xyz'], want: [] },
];

test('bash completes commands, options, files and names of live services', (t) =>
  checkShell(t, 'bash', bashProgram));

test('zsh completes commands, options and names of live services', (t) =>
  checkShell(t, 'zsh', zshProgram));

test('fish completes commands, options and names of live services', (t) =>
  checkShell(t, 'fish', fishProgram));

async function checkShell(
  t: TestContext,
  shell: Shell,
  programOf: (row: Asked) => string,
): Promise<void> {
  if (spawnSync(shell, ['--version']).status !== 0) {
    t.skip(`${shell} is not installed`);
    return;
  }
  await using server = await startFakeServer({
    'GET /v1/services': () => ({ items: [stableService('checkout'), stableService('payments')] }),
  });
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-completion-'));
  try {
    const launcher = join(folder, 'tidegate');
    await writeFile(launcher, `#!/bin/sh\nexec "${process.execPath}" "${mainPath}" "$@"\n`);
    await chmod(launcher, 0o755);
    await writeFile(join(folder, 'release.yaml'), '');
    await writeFile(join(folder, 'release a.yaml'), '');
    for (const row of rows) {
      // Files are the business of zsh and fish themselves.
      if (shell !== 'bash' && row.words.includes('-f')) continue;
      const found = await run(shell, programOf(row), { folder, stateFolder: server.stateFolder });
      assert.deepEqual(found, row.want, row.words.join(' '));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sets what bash sets when Tab is pressed, and calls the function that was registered. */
function bashProgram({ words }: Asked): string {
  return `
source <(tidegate completion bash) || exit 1
complete -p tidegate | grep -q _tidegate || exit 1
COMP_WORDS=(${words.map(quoted).join(' ')})
COMP_CWORD=${words.length - 1}
_tidegate
for each in "\${COMPREPLY[@]}"; do printf '%s\\n' "$each"; done
`;
}

/** Takes the place of the two functions the script hands its candidates to. */
function zshProgram({ words }: Asked): string {
  return `
compdef() { :; }
_files() { print -r -- FILES; }
_describe() { local -a shown; shown=("\${(@P)2}"); for each in $shown; do print -r -- "\${each%%:*}"; done; }
source <(tidegate completion zsh) || exit 1
words=(${words.map(quoted).join(' ')})
CURRENT=${words.length}
_tidegate | while read -r line; do [[ "$line" == ${quoted(words.at(-1) ?? '')}* ]] && print -r -- "$line"; done
`;
}

function fishProgram({ words }: Asked): string {
  const line = words.join(' ').replaceAll("'", "\\'");
  return `
tidegate completion fish | source
complete --do-complete '${line}' | string replace -r '\\t.*' ''
`;
}

async function run(
  shell: Shell,
  program: string,
  place: { readonly folder: string; readonly stateFolder: string },
): Promise<string[]> {
  // fish takes no program from the kind of pipe that node makes.
  const flags = { bash: ['--norc', '-s'], zsh: ['-f', '-s'], fish: ['--no-config', '-c', program] };
  const child = spawn(shell, flags[shell], {
    cwd: place.folder,
    env: {
      PATH: `${place.folder}:${process.env['PATH']}`,
      HOME: place.folder,
      LANG: 'C.UTF-8',
      TIDEGATE_STATE: place.stateFolder,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  child.stdin.end(program);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  assert.equal(stderr, '', stderr);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
