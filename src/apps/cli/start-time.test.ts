import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runCli } from './cli.fixture.ts';

/** Packages that take tens of milliseconds to load; help must not wait for them. */
const slow = ['zod', 'yaml', 'undici', 'fastify', 'node:http', 'hdr-histogram-js'];

/** Writes the name of every module that is asked for to standard error. */
const recorder = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
import { writeSync } from 'node:fs';
registerHooks({
  resolve(specifier, context, next) {
    writeSync(2, 'asked for ' + specifier + '\\n');
    return next(specifier, context);
  },
});
`)}`;

async function askedFor(argv: readonly string[]): Promise<string[]> {
  const ran = await runCli(argv, { env: { NODE_OPTIONS: `--import ${recorder}` } });
  return [...ran.stderr.matchAll(/^asked for (\S+)$/gm)].map((match) => match[1] ?? '');
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
