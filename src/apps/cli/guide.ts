import type { Argument, Command, Option } from 'commander';

import { examplesOf } from './commands/command-parts.ts';
import { exitCodeMeanings } from './exit-codes.ts';

/** docs/guides/cli.md, made from the tree of commands and the table of exit codes; a test keeps the file equal. */
export function guideText(program: Command): string {
  const globals = program.options.filter((option) => option.long !== '--version');
  return [
    head,
    ...globals.map(optionLine),
    '',
    '## Exit codes',
    '',
    '| Code | Meaning |',
    '|---|---|',
    ...exitCodeMeanings.map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    '',
    '## Commands',
    ...leavesOf(program).flatMap(commandSection),
    '',
  ].join('\n');
}

const head = `# The command line

\`tidegate\` speaks with the server whose state folder it finds: \`--state\`, else \`TIDEGATE_STATE\`, else
\`$XDG_STATE_HOME/tidegate\`, else \`~/.local/state/tidegate\`. Address and token are read from there.

Data goes to standard output, everything else to standard error. Colours are used in terminals only;
\`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` and \`--no-color\` are respected, and no colour is the only sign of
anything. Durations carry their unit: \`500ms\`, \`30s\`, \`5m\`, \`1h\`.

This file is made from the commands themselves: \`TIDEGATE_REWRITE=1 node --test src/apps/cli/guide.test.ts\`.

Every command takes:
`;

/** Commands that do something; the ones that only group others are their names' first words. */
function leavesOf(command: Command): Command[] {
  const visible = command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help');
  return visible.flatMap((each) => (each.commands.length > 0 ? leavesOf(each) : [each]));
}

function commandSection(command: Command): string[] {
  const { registeredArguments, options } = command;
  return [
    '',
    `### ${[fullName(command), ...registeredArguments.map(argumentText)].join(' ')}`,
    '',
    command.description(),
    '',
    '```sh',
    ...examplesOf(command),
    '```',
    ...(options.length === 0 ? [] : ['', ...options.map(optionLine)]),
  ];
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function argumentText(argument: Argument): string {
  const name = argument.argChoices?.length === 3 ? argument.argChoices.join('|') : argument.name();
  return argument.required ? name.toUpperCase() : `[${name.toUpperCase()}]`;
}

function optionLine(option: Option): string {
  const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.join(', ')}`;
  const fallback = option.defaultValueDescription ?? option.defaultValue;
  const isFlag = typeof fallback === 'boolean';
  const ending = fallback === undefined || isFlag ? '' : ` (default: ${String(fallback)})`;
  return `- \`${option.flags}\`: ${option.description}${choices}${ending}`;
}
