import { type Command, Option } from 'commander';

import type { PolicyCheckOptions } from '../actions/policy.ts';
import type { Frame } from '../program.ts';
import { optionalFileOption, outputOption, withExamples } from './command-parts.ts';

export function addPolicyCommands(program: Command, frame: Frame): void {
  const policy = program
    .command('policy')
    .summary('ask who may ask what')
    .description('Asks the authorization of services, see the guide authorization.md.');
  const check = policy
    .command('check')
    .summary('say which rule decides about a request')
    .description(
      'Says whether a request would be allowed, and by which rule at which line, without sending it. Asks the running server, or with -f the files alone. Exit code 0: allowed, 1: denied.',
    )
    .argument(
      '<from>',
      'a service, NAMESPACE/SERVICE, a SPIFFE id, an address, or anonymous: who has proved no identity',
    )
    .argument('<to>', 'the service that is asked')
    .argument('<method>', 'as on the wire')
    .argument('<path>', 'as on the wire')
    .addOption(
      new Option(
        '--claim <name=value>',
        'of a token that was checked; may be repeated, also for one claim',
      ).argParser((text: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        text,
      ]),
    )
    .option('--address <address>', 'where the connection comes from (default: 127.0.0.1)')
    .option(
      '--trust-domain <name>',
      'of a service that is named without it (default: tidegate.local)',
    )
    .addOption(optionalFileOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((...[from, to, method, path, options]: Given) =>
      frame.perform(async (session) => {
        const question = { from, to, method, path };
        return (await import('../actions/policy.ts')).checkPolicy(session, question, options);
      }),
    );
  withExamples(
    check,
    'tidegate policy check web payments POST /charges',
    'tidegate policy check front/web orders GET /orders/7 --claim role=agent -f shop.yaml',
    'tidegate policy check anonymous orders GET /orders --address 10.1.2.3 -o json',
  );
}

type Given = [from: string, to: string, method: string, path: string, options: PolicyCheckOptions];
