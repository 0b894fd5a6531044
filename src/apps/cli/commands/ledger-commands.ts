import { type Command, InvalidArgumentError, Option } from 'commander';

import type { KeysOptions } from '../actions/ledger-keys.ts';
import type { OutputOptions } from '../actions/ledger.ts';
import type { WitnessOptions } from '../actions/witness.ts';
import type { Frame } from '../program.ts';
import { addBlobCommands } from './blob-commands.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

export function addLedgerCommands(program: Command, frame: Frame): void {
  const ledger = program
    .command('ledger')
    .summary('export the ledger, prove an entry, make a checkpoint')
    .description(
      'Works with the ledger of the state folder. Reading needs no server; a checkpoint is made by the server, which has the key.',
    );
  addExport(ledger, frame);
  addProof(ledger, frame);
  addSignatures(ledger, frame);
  addCheckpoint(ledger, frame);
  addKeys(ledger, frame);
  addRebuild(ledger, frame);
  addBlobCommands(ledger, frame);
  withExamples(ledger, 'tidegate ledger export audit', 'tidegate ledger proof 12');
  addWitness(program, frame);
}

function addExport(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('export')
    .summary('write the ledger as static files that public tools read')
    .description(
      'Writes entries, Merkle tree and newest checkpoint into a folder, as c2sp.org/tlog-tiles has them. Into a folder that has an earlier export it writes only what is new. Check it with tidegate-verify.',
    )
    .argument('<folder>', 'where to')
    .option(
      '--with-blobs',
      'also the blobs that entries say are kept: raw samples, load results, and logs as the services wrote them',
    )
    .action((folder: string, options: { withBlobs?: boolean }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger.ts')).ledgerExport(session, folder, options),
      ),
    );
  withExamples(
    command,
    'tidegate ledger export audit',
    'tidegate ledger export audit --with-blobs',
  );
}

function addProof(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('proof')
    .summary('write one entry and the proof that it is in the ledger')
    .description(
      'Writes the entry as <path>.json and its proof, with the first checkpoint kept that covers it, as <path>.tlog-proof (c2sp.org/tlog-proof).',
    )
    .argument('<index>', 'index of the entry', indexOf)
    .option('--save <path>', 'files to write, without their endings (default: entry-<index>)')
    .action((index: number, options: { save?: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger.ts')).ledgerProof(session, index, options),
      ),
    );
  withExamples(command, 'tidegate ledger proof 12');
}

function addSignatures(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('signatures')
    .summary('write each signature of an entry by itself, for public tools')
    .description(
      'Writes for each signature of an entry, and of the approval in it: a Sigstore bundle (v0.3, one signature, for cosign and sigstore), and plain files for openssl: the signed bytes (.pae), the signature (.sig) and the public key (.pem) as the ledger has it.',
    )
    .argument('<index>', 'index of the entry', indexOf)
    .option('--save <path>', 'files to write, without their endings (default: entry-<index>)')
    .action((index: number, options: { save?: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-signatures.ts')).ledgerSignatures(session, index, options),
      ),
    );
  withExamples(command, 'tidegate ledger signatures 12');
}

function addCheckpoint(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('checkpoint')
    .summary('sign the ledger as it is now, and have the witnesses cosign it')
    .description(
      'Has the server make a checkpoint now and prints it (c2sp.org/tlog-checkpoint). Exit code 1: fewer witnesses have cosigned than the policy wants.',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((options: OutputOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger.ts')).ledgerCheckpoint(session, options),
      ),
    );
  withExamples(command, 'tidegate ledger checkpoint');
}

function addKeys(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('keys')
    .summary('print the policy that trusts this ledger and no witness; list and rotate its keys')
    .description(
      'Prints the lines of a trust policy (c2sp.org/tlog-policy) for the keys this ledger signs checkpoints with. Give them to auditors over a way you trust.',
    )
    .action(() =>
      frame.perform(async (session) => (await import('../actions/ledger.ts')).ledgerKeys(session)),
    );
  withExamples(command, 'tidegate ledger keys > policy.tlog', 'tidegate ledger keys list');
  addKeyList(command, frame);
  addKeyRotate(command, frame);
  addKeyRevoke(command, frame);
}

function addKeyList(keys: Command, frame: Frame): void {
  const command = keys
    .command('list')
    .summary('list the keys that the ledger was ever signed with')
    .description(
      'Lists the keys of the ledger by the entries that they may sign: an Ed25519 key signs every entry, its ML-DSA-65 half what decides, too. Keys of people: tidegate key list.',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((options: KeysOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-keys.ts')).listLedgerKeys(session, options),
      ),
    );
  withExamples(command, 'tidegate ledger keys list -o json');
}

function addKeyRotate(keys: Command, frame: Frame): void {
  const command = keys
    .command('rotate')
    .summary('go on with new keys')
    .description(
      'Has the running server make new keys for entries, decisions and checkpoints. One entry, signed with the old keys, ends them and brings the new ones, which sign from the next entry on. The old private keys are deleted. Trust policies and witnesses have to learn the new lines, which it prints.',
    )
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(outputOption(['json', 'yaml']))
    .action((options: KeysOptions & { reason: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-keys.ts')).rotateLedgerKeys(
          session,
          options.reason,
          options,
        ),
      ),
    );
  withExamples(command, 'tidegate ledger keys rotate --reason "once a year"');
}

function addKeyRevoke(keys: Command, frame: Frame): void {
  const command = keys
    .command('revoke')
    .summary('end a key that others may have')
    .description(
      'Ends a key by a rotation, with the reason in its entry: what it signs later is refused, what it signed before stays valid. A key that ended earlier needs no revocation.',
    )
    .argument('<key-id>', 'as tidegate ledger keys list shows it')
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(outputOption(['json', 'yaml']))
    .action((keyId: string, options: KeysOptions & { reason: string }) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger-keys.ts')).revokeLedgerKey(session, keyId, options),
      ),
    );
  withExamples(command, 'tidegate ledger keys revoke 1f0c... --reason "the disk was stolen"');
}

function addRebuild(ledger: Command, frame: Frame): void {
  const command = ledger
    .command('rebuild')
    .summary('build what is derived from the entries again, and compare')
    .description(
      'Reads all entries, checks them, builds the Merkle root from their bytes and compares it with the one that is kept. Nothing is changed. Exit code 1: something differs.',
    )
    .addOption(new Option('--check', 'only compare; the one way there is').makeOptionMandatory())
    .addOption(outputOption(['json', 'yaml']))
    .action((options: OutputOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ledger.ts')).ledgerRebuild(session, options),
      ),
    );
  withExamples(command, 'tidegate ledger rebuild --check');
}

function addWitness(program: Command, frame: Frame): void {
  const command = program
    .command('witness')
    .summary('remember and cosign checkpoints of ledgers on other machines')
    .description(
      'Runs a witness (c2sp.org/tlog-witness) in the foreground: it cosigns a checkpoint only when it continues what it cosigned before. It has a state folder and a key of its own, and prints its line for a policy. Logs that were named once stay known.',
    )
    .option(
      '--log <vkey>',
      'key of a ledger to witness, as tidegate ledger keys prints it',
      collect,
    )
    .option('--name <name>', 'name in its signatures (default: made from its key)')
    .option('--listen <address>', 'address to listen on (default: 127.0.0.1:7490)')
    .option(
      '--witness-state <dir>',
      'state folder of the witness (default: beside those of servers)',
    )
    .action((options: WitnessOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/witness.ts')).witness(session, options),
      ),
    );
  withExamples(command, 'tidegate witness --log tidegate.dev/ledger/1f…+5d1e0f0a+AY…');
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function indexOf(text: string): number {
  if (/^(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number from 0 on');
}
