import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';

import {
  createPersonKey,
  openPersonKey,
  type PersonKeyPair,
  type PersonKeyPlace,
  PersonKeyError,
} from '../../../adapters/system/person-key.ts';
import type { PersonChangeInput } from '../../../api/client/generated/schemas.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import {
  readEnrolment,
  readPersonName,
} from '../../../domain/evidence/approval/person-enrolment.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';

export interface KeyOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
}

export interface NewKeyOptions extends KeyOptions {
  readonly person: string;
}

export interface EnrolOptions {
  readonly role?: readonly string[];
}

/** An enrolment has some 12 kB. */
const enrolmentBytesMax = 40_000;

export async function newKey(session: Session, options: NewKeyOptions): Promise<ExitCode> {
  const person = checkedName(options.person);
  const place = await placeOf(session, options);
  const pair = await orCliError(createPersonKey(person, place));
  say(session, `made ${place.path}: key ${pair.keys.ed25519.keyId} of ${person}`);
  if (place.passphrase === null) say(session, 'it has no passphrase: who can read it signs as you');
  say(
    session,
    'its public half follows; whoever runs the server enrols it: tidegate key enrol FILE',
  );
  print(session, [pair.enrolment]);
  return exitCodes.ok;
}

export async function showKey(session: Session, options: KeyOptions): Promise<ExitCode> {
  const pair = await openKey(session, options);
  say(session, `key ${pair.keys.ed25519.keyId} of ${pair.person}`);
  print(session, [pair.enrolment]);
  return exitCodes.ok;
}

export async function enrol(
  session: Session,
  file: string,
  options: EnrolOptions,
): Promise<ExitCode> {
  const enrolment = (await readInput(session, file)).trim();
  try {
    readEnrolment(enrolment);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    const remedy = 'it is what `tidegate key new` and `tidegate key show` print, unchanged';
    throw new CliError(`cannot enrol ${file}: ${error.message}`, { code: 'unreadable', remedy });
  }
  return change(session, {
    action: 'enrol',
    enrolment,
    roles: [...(options.role ?? [])],
    who: session.who,
  });
}

export async function assignRoles(
  session: Session,
  person: string,
  options: EnrolOptions,
): Promise<ExitCode> {
  const roles = [...(options.role ?? [])];
  return change(session, { action: 'assign-roles', person, roles, who: session.who });
}

export async function revoke(session: Session, keyId: string, reason: string): Promise<ExitCode> {
  return change(session, { action: 'revoke', keyId, reason, who: session.who });
}

export async function listPeople(
  session: Session,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const { items } = await client.get('/v1/people', { signal: session.signal });
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    say(session, 'nobody is enrolled; a person begins with: tidegate key new --person NAME');
    return exitCodes.ok;
  }
  const rows = items.flatMap(({ person, roles, keys }) =>
    keys.map(({ keyId, isValid }) => {
      return [person, roles.join(',') || '-', isValid ? 'valid' : 'revoked', keyId];
    }),
  );
  print(session, tableLines({ heads: ['PERSON', 'ROLES', 'STATE', 'KEY'], rows }, false));
  return exitCodes.ok;
}

/** The session's own pair. */
export async function openKey(session: Session, options: KeyOptions): Promise<PersonKeyPair> {
  return orCliError(openPersonKey(await placeOf(session, options)));
}

async function change(session: Session, body: PersonChangeInput): Promise<ExitCode> {
  using client = await Client.connect(session);
  const { entryIndex, sentence } = await client.post('/v1/people', {
    body,
    signal: session.signal,
  });
  print(session, [`${harmless(sentence)} (entry ${entryIndex})`]);
  return exitCodes.ok;
}

async function placeOf(session: Session, options: KeyOptions): Promise<PersonKeyPlace> {
  const config =
    session.env['XDG_CONFIG_HOME'] || join(session.env['HOME'] ?? homedir(), '.config');
  const path = resolve(
    session.workingFolder,
    options.key ?? join(config, 'tidegate', 'person-key.json'),
  );
  if (options.passphraseFile === undefined) return { path, passphrase: null };
  const text = await readInput(session, options.passphraseFile);
  const passphrase = text.split('\n', 1)[0] ?? '';
  if (passphrase === '') {
    throw new CliError(`the first line of ${options.passphraseFile} is empty`, { code: 'usage' });
  }
  return { path, passphrase };
}

async function readInput(session: Session, file: string): Promise<string> {
  try {
    const text =
      file === '-'
        ? await readAll(session.stdin)
        : await readFile(resolve(session.workingFolder, file), 'utf8');
    if (text.length <= enrolmentBytesMax) return text;
  } catch (cause) {
    throw new CliError(`cannot read ${file}: ${String(cause)}`, { code: 'unreadable', cause });
  }
  throw new CliError(`${file} has more than ${enrolmentBytesMax} characters`, {
    code: 'unreadable',
  });
}

function checkedName(name: string): string {
  try {
    return readPersonName(name);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new CliError(error.message, { code: 'usage' });
  }
}

async function orCliError<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof PersonKeyError)) throw error;
    throw new CliError(error.message, { code: 'unreadable', cause: error });
  }
}
