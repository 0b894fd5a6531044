import { type Command, InvalidArgumentError, Option } from 'commander';

import type { LoginLinkOptions } from '../actions/login-link.ts';
import type { TokenCreateOptions } from '../actions/token.ts';
import type { DataFormat } from '../data-format.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

const roles = ['viewer', 'developer', 'approver', 'operator', 'admin', 'auditor'];

export function addTokenCommands(program: Command, frame: Frame): void {
  const token = program
    .command('token')
    .summary('let people and programs use the API')
    .description(
      'Makes and ends tokens of the API: each is for one person in one role, for some services, until a time. Who is logged in on this machine and can read the state folder needs none.',
    );
  addCreate(token, frame);
  const list = token
    .command('list')
    .summary('those in force')
    .description('Lists the tokens that are in force. Their secrets are nowhere.')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: { readonly output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/token.ts')).listTokens(session, options),
      ),
    );
  withExamples(list, 'tidegate token list', 'tidegate token list -o json');
  const revoke = token
    .command('revoke')
    .summary('end one before its time')
    .description('Ends a token at once.')
    .argument('<id>', 'as `token list` names it')
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((id: string, options: { readonly reason?: string; readonly output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/token.ts')).revokeToken(session, id, options),
      ),
    );
  withExamples(revoke, 'tidegate token revoke 5f1c2a90b7de --reason "left the team"');
  addLoginLink(program, frame);
}

function addLoginLink(program: Command, frame: Frame): void {
  const link = program
    .command('login-link')
    .summary('sign a person in to the console')
    .description(
      'Prints a link that signs one person in to the console, once, within ten minutes. Whoever has it may use it.',
    )
    .argument('[person]', 'who signs in: a-z, 0-9, ".", "_", "@" and "-" (default: you)')
    .addOption(
      new Option('--role <role>', 'what the person may do').choices(roles).default('admin'),
    )
    .option('--service <pattern>', serviceHelp, collect)
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((person: string | undefined, options: LoginLinkOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/login-link.ts')).loginLink(session, person, options),
      ),
    );
  withExamples(
    link,
    'tidegate login-link',
    'tidegate login-link ann --role developer --service "default/checkout*"',
  );
}

const serviceHelp =
  'NAMESPACE/NAME of services, * for any characters; may be repeated (default: */*)';

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function addCreate(token: Command, frame: Frame): void {
  const create = token
    .command('create')
    .summary('make one')
    .description(
      'Makes a token and prints its secret, this once. Only a digest of it is kept. Who has it writes it to a file for TIDEGATE_TOKEN_FILE.',
    )
    .argument('<person>', 'whose it is: a-z, 0-9, ".", "_", "@" and "-"')
    .addOption(new Option('--role <role>', 'what it lets do').choices(roles).makeOptionMandatory())
    .option('--service <pattern>', serviceHelp, collect)
    .addOption(
      new Option('--expires <duration>', 'when it ends, 1m to 366d')
        .argParser(lifetimeMs)
        .default(30 * 86_400_000, '30d'),
    )
    .addOption(reasonOption())
    .addOption(outputOption(['json', 'yaml']))
    .action((person: string, options: TokenCreateOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/token.ts')).createToken(session, person, options),
      ),
    );
  withExamples(
    create,
    'tidegate token create ann --role developer --service "default/checkout*"',
    'tidegate token create prometheus --role viewer --expires 366d -o json',
  );
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function lifetimeMs(text: string): number {
  const found = /^([1-9]\d{0,5})([mhd])$/.exec(text);
  const lastsMs = Number(found?.[1]) * (unitMs[found?.[2] ?? ''] ?? Number.NaN);
  if (lastsMs <= 366 * 86_400_000) return lastsMs;
  throw new InvalidArgumentError('must be 1m to 366d, as 12h or 30d.');
}
