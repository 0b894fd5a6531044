import type { Command } from 'commander';

import type { CaOptions, InitOptions, RevokeOptions, RotateOptions } from '../actions/ca.ts';
import type { Frame } from '../program.ts';
import { parseDurationMs } from '../duration.ts';
import { outputOption, reasonOption, withExamples } from './command-parts.ts';

export function addCaCommands(program: Command, frame: Frame): void {
  const ca = program
    .command('ca')
    .summary('see, rotate and revoke what identities of services rest on')
    .description(
      'Works with the certificate authority of the state folder, which makes certificates for services with "traffic.mtls". A running server sees what changes here within a second. No key ever leaves the folder.',
    );
  addInit(ca, frame);
  addShow(ca, frame);
  addRotate(ca, frame);
  addTrust(ca, frame);
  addRevoke(ca, frame);
  withExamples(ca, 'tidegate ca show', 'tidegate ca rotate');
}

function addInit(ca: Command, frame: Frame): void {
  const command = ca
    .command('init')
    .summary('make the authority before the first service wants it')
    .description(
      'Makes the authority with a trust domain of your own, or with a certificate and a key of yours. Without this, one is made for tidegate.local when the first service wants identities.',
    )
    .option('--trust-domain <name>', 'first part of all identifiers', 'tidegate.local')
    .option(
      '--life <duration>',
      'how long certificates live, 1s to 24h (default: 1h)',
      parseDurationMs,
    );
  addGiven(command)
    .addOption(outputOption(['json', 'yaml']))
    .action((options: InitOptions) =>
      frame.perform(async (session) => (await import('../actions/ca.ts')).caInit(session, options)),
    );
  withExamples(
    command,
    'tidegate ca init --trust-domain shop.example',
    'tidegate ca init --trust-domain shop.example --certificate ca.pem --key ca.key --root root.pem',
  );
}

function addShow(ca: Command, frame: Frame): void {
  const command = ca
    .command('show')
    .summary('show authorities, certificates in use and what was revoked')
    .description(
      'Shows what signs, what is trusted until when, and the certificates that were handed out.',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((options: CaOptions) =>
      frame.perform(async (session) => (await import('../actions/ca.ts')).caShow(session, options)),
    );
  withExamples(command, 'tidegate ca show -o json');
}

function addRotate(ca: Command, frame: Frame): void {
  const command = ca
    .command('rotate')
    .summary('have another authority take the place of the one that signs')
    .description(
      'Makes another authority. Everybody trusts both at once; the new one signs when all have renewed, and the old one is trusted until the last certificate of it has ended.',
    );
  addGiven(command)
    .addOption(outputOption(['json', 'yaml']))
    .action((options: RotateOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ca.ts')).caRotate(session, options),
      ),
    );
  withExamples(command, 'tidegate ca rotate');
}

function addTrust(ca: Command, frame: Frame): void {
  const command = ca
    .command('trust')
    .summary('print the certificates to trust')
    .description(
      'Prints the roots of all authorities that are trusted now, in PEM: for callers from elsewhere.',
    )
    .action(() =>
      frame.perform(async (session) => (await import('../actions/ca.ts')).caTrust(session)),
    );
  withExamples(command, 'tidegate ca trust > bundle.pem');
}

function addRevoke(ca: Command, frame: Frame): void {
  const command = ca
    .command('revoke')
    .summary('end certificates before their time')
    .description(
      'Gateways refuse one certificate, by its serial, or all that an identity has had until now; instances get others at once. To keep a service out for good, say so by an authorization.',
    )
    .argument('<serial-or-identity>', 'as tidegate ca show has it')
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(outputOption(['json', 'yaml']))
    .action((what: string, options: RevokeOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/ca.ts')).caRevoke(session, what, options),
      ),
    );
  withExamples(
    command,
    'tidegate ca revoke spiffe://tidegate.local/ns/default/sa/cart --reason "its disk was stolen"',
  );
}

function addGiven(command: Command): Command {
  return command
    .option(
      '--certificate <file>',
      'an intermediate of yours, those between it and a root behind it',
    )
    .option('--key <file>', 'its key, readable by you alone')
    .option('--root <file>', 'the root, or roots, that others trust');
}
