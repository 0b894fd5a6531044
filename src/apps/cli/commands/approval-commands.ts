import { type Command, Option } from 'commander';

import type { ApproveOptions } from '../actions/approve.ts';
import type { EnrolOptions, KeyOptions, NewKeyOptions } from '../actions/person-keys.ts';
import type { DataFormat } from '../data-format.ts';
import { parseDurationMs } from '../duration.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

export function addApprovalCommands(program: Command, frame: Frame): void {
  addApprovals(program, frame);
  addApprove(program, frame);
  const key = program
    .command('key')
    .summary('keys of people, who sign approvals')
    .description(
      'A person has a pair of keys, Ed25519 and ML-DSA-65, on the own machine: they sign approvals and never leave it. A server enrols the public half, with roles; each such change is an entry of the ledger.',
    );
  addNew(key, frame);
  addShow(key, frame);
  addEnrol(key, frame);
  addRoles(key, frame);
  addRevoke(key, frame);
  addList(key, frame);
}

function addApprovals(program: Command, frame: Frame): void {
  const approvals = program
    .command('approvals')
    .summary('list the steps that wait for signed approvals')
    .description(
      'Lists the steps that wait for signed approvals: whose are missing, and who has spoken.',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/approve.ts')).listApprovals(session, options),
      ),
    );
  withExamples(approvals, 'tidegate approvals');
}

function addApprove(program: Command, frame: Frame): void {
  const approve = program
    .command('approve')
    .summary('sign an approval with your own key')
    .description(
      'Shows what is asked, and signs it with your own key, here: the approval is bound to the very entry that asks (candidate, step, what the gate said) and to the policy, and expires. With --reject or --withdraw it says no, or takes your word back. Exit code 0: it is recorded and counts.',
    )
    .argument('<rollout>', 'id of a rollout: its service and number')
    .option('--role <role>', 'as whom you speak (default: the one role that is asked for)')
    .requiredOption('--reason <text>', 'why; signed and recorded')
    .addOption(new Option('--reject', 'say no').conflicts('withdraw'))
    .option('--withdraw', 'take back what you said before')
    .addOption(
      new Option(
        '--valid-for <duration>',
        'how long it counts (default: as long as it may)',
      ).argParser(parseDurationMs),
    )
    .addOption(keyFileOption())
    .addOption(passphraseOption())
    .action((rollout: string, options: ApproveOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/approve.ts')).approve(session, rollout, options),
      ),
    );
  withExamples(
    approve,
    'tidegate approve checkout-2 --reason "dashboards are quiet"',
    'tidegate approve checkout-2 --reject --role owner --reason "wait for the audit"',
  );
}

function addNew(key: Command, frame: Frame): void {
  const made = key
    .command('new')
    .summary('make your own pair of keys')
    .description(
      'Makes a pair of keys in a file that only you can read, and prints its public half: give that to whoever enrols you. Nothing is overwritten.',
    )
    .requiredOption('--person <name>', 'who you are, in the ledger: a-z, 0-9 and . _ @ -')
    .addOption(keyFileOption())
    .addOption(passphraseOption())
    .action((options: NewKeyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).newKey(session, options),
      ),
    );
  withExamples(made, 'tidegate key new --person ana > ana.enrolment.json');
}

function addShow(key: Command, frame: Frame): void {
  const show = key
    .command('show')
    .summary('print the public half of your keys')
    .description(
      'Prints the public half of your keys, signed with themselves, as `key enrol` takes it.',
    )
    .addOption(keyFileOption())
    .addOption(passphraseOption())
    .action((options: KeyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).showKey(session, options),
      ),
    );
  withExamples(show, 'tidegate key show > ana.enrolment.json');
}

function addEnrol(key: Command, frame: Frame): void {
  const enrol = key
    .command('enrol')
    .summary('let somebody sign approvals')
    .description(
      "Takes the public half of somebody's keys into the ledger, with roles. Compare the key id it prints with the one that the person sees.",
    )
    .argument('<file>', 'what `tidegate key new` printed, or - for standard input')
    .option('--role <role>', 'a role; may be given more than once', collect)
    .action((file: string, options: EnrolOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).enrol(session, file, options),
      ),
    );
  withExamples(enrol, 'tidegate key enrol ana.enrolment.json --role sre');
}

function addRoles(key: Command, frame: Frame): void {
  const roles = key
    .command('roles')
    .summary('give somebody other roles')
    .description(
      'Sets the roles of an enrolled person, in force from the next entry on; without --role: none.',
    )
    .argument('<person>', 'as enrolled')
    .option('--role <role>', 'a role; may be given more than once', collect)
    .action((person: string, options: EnrolOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).assignRoles(session, person, options),
      ),
    );
  withExamples(roles, 'tidegate key roles ana --role sre --role owner');
}

function addRevoke(key: Command, frame: Frame): void {
  const revoke = key
    .command('revoke')
    .summary('let a pair of keys sign no more')
    .description(
      'Revokes a pair of keys: it signs nothing any more, and what it approved counts for no later decision.',
    )
    .argument('<keyId>', 'id of a key, as `tidegate key list` shows it')
    .addOption(reasonOption().makeOptionMandatory())
    .action((keyId: string, { reason }: { reason: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).revoke(session, keyId, reason),
      ),
    );
  withExamples(revoke, 'tidegate key revoke KEYID --reason "the laptop is lost"');
}

function addList(key: Command, frame: Frame): void {
  const list = key
    .command('list')
    .summary('list who may sign approvals')
    .description('Lists everybody who was ever enrolled, with roles and keys.')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/person-keys.ts')).listPeople(session, options),
      ),
    );
  withExamples(list, 'tidegate key list');
}

function keyFileOption(): Option {
  return new Option(
    '--key <file>',
    'file of your keys (default: tidegate/person-key.json in XDG_CONFIG_HOME)',
  );
}

function passphraseOption(): Option {
  return new Option('--passphrase-file <file>', 'its first line locks the file of your keys');
}

function collect(role: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), role];
}
