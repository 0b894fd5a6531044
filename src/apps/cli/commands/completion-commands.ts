import { Argument, type Command } from 'commander';

import { exitCodes } from '../exit-codes.ts';
import type { Frame } from '../program.ts';
import { withExamples } from './command-parts.ts';

export function addCompletionCommands(program: Command, frame: Frame): void {
  const completion = program
    .command('completion')
    .summary('print the completion script of a shell')
    .description(
      'Prints a script that makes the shell complete commands, options and the names of services.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      frame.perform(async (session) => {
        const { completionScript } = await import('../completion/completion-script.ts');
        session.stdout.write(completionScript(shell));
        return exitCodes.ok;
      }),
    );
  withExamples(
    completion,
    'source <(tidegate completion bash)',
    'tidegate completion zsh > "${fpath[1]}/_tidegate"',
    'tidegate completion fish > ~/.config/fish/completions/tidegate.fish',
  );

  // What the scripts call: the words so far, the one to complete last.
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action((words: string[]) =>
      frame.perform(async (session) => {
        const { complete } = await import('../completion/complete.ts');
        return complete(session, program, words);
      }),
    );
}
