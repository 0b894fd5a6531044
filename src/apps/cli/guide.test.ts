import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Command } from 'commander';

import { examplesOf } from './commands/command-parts.ts';
import { exitCodeMeanings, exitCodes } from './exit-codes.ts';
import { guideText } from './guide.ts';
import { buildProgram } from './program.ts';

const path = new URL('../../../docs/guides/cli.md', import.meta.url);

function freshProgram(): Command {
  return buildProgram({ version: '0.0.0', perform: async () => {} });
}

test('docs/guides/cli.md is what the commands say of themselves', async () => {
  const text = guideText(freshProgram());
  if (process.env['TIDEGATE_REWRITE'] === '1') await writeFile(path, text);
  assert.equal(await readFile(path, 'utf8'), text);
});

test('every exit code has its meaning, and no two are the same', () => {
  const codes = exitCodeMeanings.map(({ code }) => code);
  assert.deepEqual(codes, Object.values(exitCodes));
  assert.equal(new Set(codes).size, codes.length);
});

test('every command has an example, and its command line is understood', async () => {
  const examples = allCommands(freshProgram()).flatMap((command) => {
    const own = examplesOf(command);
    const isLeaf = command.commands.length === 0 && command.name() !== '__complete';
    assert.ok(!isLeaf || own.length > 0, `${command.name()} has no example`);
    return own;
  });
  for (const example of examples) {
    // What follows tidegate, up to what is the shell's own.
    const words = example
      .replace(/^.*?tidegate /, '')
      .replace(/\)$| > .*$/, '')
      .match(/"[^"]*"|\S+/g);
    const program = freshProgram();
    await program.parseAsync([...(words ?? [])], { from: 'user' });
  }
});

test('an example that is wrong is found', async () => {
  const program = freshProgram().configureOutput({ writeErr: () => {} });
  for (const command of allCommands(program)) command.configureOutput({ writeErr: () => {} });
  await assert.rejects(program.parseAsync(['get', 'pods'], { from: 'user' }));
});

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)].slice(command.parent === null ? 1 : 0);
}
