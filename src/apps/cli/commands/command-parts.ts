import { type Command, Option } from 'commander';

import { parseDurationMs } from '../duration.ts';

export function outputOption(choices: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(choices);
}

/** `-f` may be given more than once. */
export function fileOption(): Option {
  return optionalFileOption().makeOptionMandatory();
}

export function optionalFileOption(): Option {
  const option = new Option(
    '-f, --file <path>',
    'release file, folder of them, or - for standard input',
  );
  return option.argParser((path: string, before: readonly string[] | undefined) => [
    ...(before ?? []),
    path,
  ]);
}

export function timeoutOption(meaning: string): Option {
  return new Option('--timeout <duration>', meaning).argParser(parseDurationMs);
}

export function reasonOption(): Option {
  return new Option('--reason <text>', 'why; recorded in the ledger');
}

/** Every command shows at least one line that works as it stands. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  examplesByCommand.set(command, examples);
  return command.addHelpText(
    'after',
    `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`,
  );
}

export function examplesOf(command: Command): readonly string[] {
  return examplesByCommand.get(command) ?? [];
}

const examplesByCommand = new WeakMap<Command, readonly string[]>();
