import { type Command, InvalidArgumentError } from 'commander';

import type { BackupOptions } from '../actions/backup.ts';
import type { RestoreOptions } from '../actions/restore.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addBackupCommands(program: Command, frame: Frame): void {
  addBackup(program, frame);
  addRestore(program, frame);
}

function addBackup(program: Command, frame: Frame): void {
  const command = program
    .command('backup')
    .summary('write all that is recorded into a folder, also while the server runs')
    .description(
      'Writes the ledger, what its entries were decided from, its checkpoints and remembered settings into a folder, with a signed list of all files. Into a folder that has an earlier backup it writes only what is new; one that is interrupted leaves the earlier one good. Private keys are not in it.',
    )
    .argument('<folder>', 'where to')
    .option('--keys-to <folder>', 'also copy the private keys, to a folder outside the backup')
    .addOption(outputOption(['json', 'yaml']))
    .action((folder: string, options: Omit<BackupOptions, 'version'>) =>
      frame.perform(async (session) =>
        (await import('../actions/backup.ts')).backup(session, folder, {
          ...options,
          version: frame.version,
        }),
      ),
    );
  withExamples(
    command,
    'tidegate backup /mnt/backup/tidegate',
    'tidegate backup /mnt/backup/tidegate --keys-to /mnt/safe/tidegate-keys',
  );
}

function addRestore(program: Command, frame: Frame): void {
  const command = program
    .command('restore')
    .summary('put a state folder back from a backup, after checking all of it')
    .description(
      'Checks every file, entry and signature of a backup, the root over the entries and what is derived from them, compares it with the newest checkpoint that is known elsewhere, and only then puts it into the state folder, which has to be empty. A backup that somebody has seen later entries of is refused, unless they are given up with --new-origin.',
    )
    .argument('<folder>', 'where tidegate backup wrote')
    .option('--check', 'only check, and say what would be done')
    .option(
      '--anchor <path>',
      'checkpoint of this ledger kept elsewhere, or a state folder; may be repeated',
      collect,
    )
    .option('--policy <file>', 'whom to trust (default: the keys and witnesses in the backup)')
    .option('--keys-from <folder>', 'private keys, as backup --keys-to wrote them')
    .option(
      '--new-origin <reason>',
      'go on from an older state under a new name of the ledger; recorded',
      reasonOf,
    )
    .option('--no-witnesses', 'do not ask the witnesses what they have seen')
    .option('--store <url>', 'into an empty database of PostgreSQL, as tidegate up has it')
    .option(
      '--store-url-file <file>',
      'as --store, from a file that only you can read; TIDEGATE_STORE_URL does so, too',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((folder: string, options: Omit<RestoreOptions, 'version'>) =>
      frame.perform(async (session) =>
        (await import('../actions/restore.ts')).restore(session, folder, {
          ...options,
          version: frame.version,
        }),
      ),
    );
  withExamples(
    command,
    'tidegate restore /mnt/backup/tidegate --check',
    'tidegate restore /mnt/backup/tidegate --keys-from /mnt/safe/tidegate-keys',
    'tidegate restore /mnt/backup/tidegate --store-url-file store-url',
  );
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

const reasonCharactersMax = 1_000;

function reasonOf(text: string): string {
  if (text.trim() !== '' && text.length <= reasonCharactersMax) return text;
  throw new InvalidArgumentError(`must have 1 to ${reasonCharactersMax} characters.`);
}
