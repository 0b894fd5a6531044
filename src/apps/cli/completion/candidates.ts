import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What may stand at the place of the word: fixed words, names the server knows, or a file of the shell's own. */
export type Place =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'service' }
  | { readonly kind: 'file' };

const nothing: Place = { kind: 'words', candidates: [] };

/** `words` are those after the program's name; the last is the one to complete and may be empty. */
export function placeOf(program: Command, words: readonly string[]): Place {
  const word = words.at(-1) ?? '';
  const walk = walkTo(program, words.slice(0, -1));
  if (walk.openOption !== null) return placeOfValue(walk.openOption);
  if (word.startsWith('-')) return { kind: 'words', candidates: optionCandidates(walk.command) };
  const subcommands = visibleCommands(walk.command);
  if (subcommands.length > 0) return { kind: 'words', candidates: subcommands };
  return placeOfArgument(walk.command, walk.operandCount);
}

interface Walk {
  readonly command: Command;
  /** An option that was given and still needs its value. */
  readonly openOption: Option | null;
  readonly operandCount: number;
}

function walkTo(program: Command, words: readonly string[]): Walk {
  let command = program;
  let openOption: Option | null = null;
  let operandCount = 0;
  for (const word of words) {
    if (openOption !== null) {
      openOption = null;
    } else if (word.startsWith('-')) {
      const option = optionsOf(command).find((each) => each.short === word || each.long === word);
      openOption = option?.required === true ? option : null;
    } else {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) operandCount += 1;
      else command = next;
    }
  }
  return { command, openOption, operandCount };
}

function placeOfValue(option: Option): Place {
  if (option.argChoices !== undefined) return choices(option.argChoices);
  if (/<(path|dir|file)>/.test(option.flags)) return { kind: 'file' };
  return option.long === '--service' ? { kind: 'service' } : nothing;
}

function placeOfArgument(command: Command, index: number): Place {
  const argument: Argument | undefined = command.registeredArguments[index];
  if (argument === undefined) return nothing;
  if (argument.argChoices !== undefined) return choices(argument.argChoices);
  if (argument.name() === 'service') return { kind: 'service' };
  return argument.name() === 'file' ? { kind: 'file' } : nothing;
}

function optionCandidates(command: Command): Candidate[] {
  return optionsOf(command)
    .filter((option) => !option.hidden && option.long !== undefined)
    .map((option) => ({ value: option.long ?? '', description: option.description }))
    .concat({ value: '--help', description: 'print help' });
}

function optionsOf(command: Command): Option[] {
  const own = [...command.options];
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)];
}

function visibleCommands(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ value: each.name(), description: each.summary() || each.description() }));
}

function choices(values: readonly string[]): Place {
  return { kind: 'words', candidates: values.map((value) => ({ value, description: '' })) };
}
