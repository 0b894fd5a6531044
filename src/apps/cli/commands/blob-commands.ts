import { type Command, InvalidArgumentError } from 'commander';

import type { BlobListOptions } from '../actions/ledger-blobs.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addBlobCommands(ledger: Command, frame: Frame): void {
  const blob = ledger
    .command('blob')
    .summary('list and read what is kept beside the ledger')
    .description(
      'Works with the blobs of the state folder: raw samples of rollouts, and logs of instances at a rollback. The ledger has their digests, and says which could not be kept and which were deleted after their time.',
    );
  withExamples(blob, 'tidegate ledger blob list --check');
  const list = blob
    .command('list')
    .summary('list blobs with what became of each')
    .description(
      'Lists every blob an entry speaks of: stored, not-stored (no room), retired (its time was over), missing (no entry says why it is not there), damaged. Exit code 1: one is missing or damaged.',
    )
    .option('--check', 'also read each one and compare it with its digest')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: BlobListOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-blobs.ts')).blobList(session, options),
      ),
    );
  withExamples(list, 'tidegate ledger blob list', 'tidegate ledger blob list --check -o json');
  const get = blob
    .command('get')
    .summary('write one blob to standard output or a file')
    .description('Writes the bytes of a blob after comparing them with their digest.')
    .argument('<digest>', 'its SHA-256, or the beginning of it', digestOf)
    .option('--save <path>', 'file to write')
    .action((digest: string, options: { save?: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-blobs.ts')).blobGet(session, digest, options),
      ),
    );
  withExamples(get, 'tidegate ledger blob get 3f9a12 --save samples.ndjson');
}

function digestOf(text: string): string {
  if (/^[0-9a-f]{4,64}$/.test(text)) return text;
  throw new InvalidArgumentError('must be 4 to 64 hex digits.');
}
