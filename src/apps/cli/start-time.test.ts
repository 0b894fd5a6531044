import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { runCli } from './cli.fixture.ts';

/** Packages that take tens of milliseconds to load; help must not wait for them. */
const slow = ['zod', 'yaml', 'undici', 'fastify', 'node:http', 'hdr-histogram-js'];

/** Appends the name of every module that is asked for to a file: a pipe that is full for a moment would end the program. */
function recorderTo(file: string): string {
  const source = `
import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
registerHooks({
  resolve(specifier, context, next) {
    appendFileSync(${JSON.stringify(file)}, specifier + '\\n');
    return next(specifier, context);
  },
});
`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

async function askedFor(argv: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-start-'));
  try {
    const file = join(folder, 'asked-for');
    await runCli(argv, { env: { NODE_OPTIONS: `--import ${recorderTo(file)}` } });
    return (await readFile(file, 'utf8')).trimEnd().split('\n');
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('help, the version and a wrong command load no slow package', async () => {
  for (const argv of [['--help'], ['--version'], ['rollout', '--help'], ['nonsense']]) {
    const names = await askedFor(argv);
    assert.ok(names.includes('commander'), 'the recorder records');
    assert.deepEqual(
      names.filter((name) => slow.includes(name)),
      [],
      argv.join(' '),
    );
  }
});

test('the recorder sees the slow packages of a command that needs them', async () => {
  const names = await askedFor(['get', 'services']);
  assert.ok(names.includes('zod') && names.includes('node:http'), names.join(' '));
});
