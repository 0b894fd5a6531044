import { type Command, Option } from 'commander';

import type { FlagEvaluateOptions } from '../actions/flag.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addFlagCommands(program: Command, frame: Frame): void {
  const flag = program
    .command('flag')
    .summary('try flags in a context')
    .description(
      'Flags are declared in the release file and turned by steps of a rollout. List them: tidegate get flags.',
    );
  const evaluate = flag
    .command('evaluate')
    .summary('what a flag gives to somebody')
    .description(
      'Shows what the instances of each revision would be told now, in the context that is given. It changes nothing.',
    )
    .argument('<service>', 'name of a service')
    .argument('[key]', 'a flag; all, if it is left out')
    .option('--targeting-key <key>', 'who it is, for splits')
    .addOption(
      new Option(
        '--attribute <name=value>',
        'an attribute; numbers, true and false are no texts unless quoted; may be repeated',
      ).argParser((text: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        text,
      ]),
    )
    .option('--context <json>', 'the whole context as JSON')
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, key: string | undefined, options: FlagEvaluateOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/flag.ts')).evaluateFlags(session, { service, key }, options),
      ),
    );
  withExamples(
    evaluate,
    'tidegate flag evaluate checkout new-checkout --targeting-key user-17',
    'tidegate flag evaluate checkout --attribute country=de --attribute beta=true',
  );
}
