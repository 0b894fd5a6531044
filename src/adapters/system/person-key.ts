import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { isErrno } from './errno.ts';
import { preAuthenticationEncoding } from '../../domain/evidence/envelope.ts';
import {
  ENROLMENT_PAYLOAD_TYPE,
  enrolmentPayload,
} from '../../domain/evidence/approval/person-enrolment.ts';
import { personEnvelopeText } from '../../domain/evidence/approval/person-envelope.ts';
import { type PersonKeys, publicKeyOf } from '../../domain/evidence/approval/person-keys.ts';

export class PersonKeyError extends Error {
  override readonly name = 'PersonKeyError';
  readonly code:
    | 'exists'
    | 'missing'
    | 'unsafe-permissions'
    | 'wrong-passphrase'
    | 'not-a-key'
    | 'io';
  readonly retryable = false;

  constructor(code: PersonKeyError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A person's own keys, on the person's own machine. They never go to a server: only what they sign does. */
export interface PersonKeyPair {
  readonly person: string;
  readonly keys: PersonKeys;
  /** The public half, signed with itself: what a server enrols. */
  readonly enrolment: string;
  /** Both signatures over the DSSE encoding, as the text of an envelope. */
  sign(payloadType: string, payload: Uint8Array): string;
}

interface PrivateKeys {
  readonly ed25519: KeyObject;
  readonly mlDsa65: KeyObject;
}

/** As the file has it: PKCS #8 in PEM, encrypted where there is a passphrase. */
interface KeyFile {
  readonly kind: 'PersonKey';
  readonly apiVersion: 'tidegate.dev/v1';
  readonly person: string;
  readonly ed25519: string;
  readonly mlDsa65: string;
}

export interface PersonKeyPlace {
  readonly path: string;
  /** Null: the file is protected by its permissions alone. */
  readonly passphrase: string | null;
}

/** Makes a pair and its file, which must not exist; mode 0600, whole or not there at all. */
export async function createPersonKey(
  person: string,
  place: PersonKeyPlace,
): Promise<PersonKeyPair> {
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const mlDsa65 = generateKeyPairSync('ml-dsa-65').privateKey;
  const file: KeyFile = {
    kind: 'PersonKey',
    apiVersion: 'tidegate.dev/v1',
    person,
    ed25519: pemOf(ed25519, place.passphrase),
    mlDsa65: pemOf(mlDsa65, place.passphrase),
  };
  try {
    await mkdir(dirname(place.path), { recursive: true, mode: 0o700 });
    await writeWhole(place.path, `${JSON.stringify(file, null, 2)}\n`);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) {
      const message = `cannot make ${place.path}: it exists; nothing is overwritten, name another file`;
      throw new PersonKeyError('exists', message, error);
    }
    throw new PersonKeyError('io', `cannot write ${place.path}: ${String(error)}`, error);
  }
  return pairOf(person, { ed25519, mlDsa65 });
}

/** Written under another name first: a full disk leaves nothing at all, and never half a file that can't be written again. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    {
      await using handle = await open(draft, 'wx', 0o600);
      await handle.writeFile(text);
      await handle.sync();
    }
    // Unlike a rename it fails where there is a file already.
    await link(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}

export async function openPersonKey(place: PersonKeyPlace): Promise<PersonKeyPair> {
  const { path } = place;
  const text = await readPrivately(path);
  const file = readKeyFile(text, path);
  return pairOf(file.person, {
    ed25519: privateKeyOf(file.ed25519, 'ed25519', place),
    mlDsa65: privateKeyOf(file.mlDsa65, 'ml-dsa-65', place),
  });
}

function pairOf(person: string, privateKeys: PrivateKeys): PersonKeyPair {
  const keys = { ed25519: publicOf(privateKeys.ed25519), mlDsa65: publicOf(privateKeys.mlDsa65) };
  const seal = (payloadType: string, payload: Uint8Array): string => {
    const bytes = preAuthenticationEncoding(payloadType, payload);
    const signed = (key: KeyObject, { keyId }: { readonly keyId: string }) => {
      return { keyId, signature: sign(null, bytes, key) };
    };
    const signatures = {
      ed25519: signed(privateKeys.ed25519, keys.ed25519),
      'ml-dsa-65': signed(privateKeys.mlDsa65, keys.mlDsa65),
    };
    return personEnvelopeText({ payloadType, payload, signatures });
  };
  const enrolment = seal(ENROLMENT_PAYLOAD_TYPE, enrolmentPayload({ person, keys }));
  return { person, keys, enrolment, sign: seal };
}

function publicOf(key: KeyObject): PersonKeys['ed25519'] {
  return publicKeyOf(createPublicKey(key).export({ type: 'spki', format: 'der' }));
}

function pemOf(key: KeyObject, passphrase: string | null): string {
  const form = { type: 'pkcs8', format: 'pem' } as const;
  const locked = passphrase === null ? form : { ...form, cipher: 'aes-256-cbc', passphrase };
  return key.export(locked).toString();
}

async function readPrivately(path: string): Promise<string> {
  try {
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new PersonKeyError(
        'unsafe-permissions',
        `cannot trust ${path}: its mode ${mode.toString(8).padStart(4, '0')} lets others use it; if nobody did, run: chmod 600 '${path}'`,
      );
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof PersonKeyError) throw error;
    if (isErrno(error, 'ENOENT')) {
      throw new PersonKeyError(
        'missing',
        `there is no key ${path}; make one: tidegate key new`,
        error,
      );
    }
    throw new PersonKeyError('io', `cannot read ${path}: ${String(error)}`, error);
  }
}

function readKeyFile(text: string, path: string): KeyFile {
  const fail = (): never => {
    throw new PersonKeyError('not-a-key', `cannot use ${path}: it is not a key of a person`);
  };
  let value: Partial<KeyFile> | null;
  try {
    value = JSON.parse(text) as Partial<KeyFile> | null;
  } catch {
    return fail();
  }
  const { kind, apiVersion, person, ed25519, mlDsa65 } = value ?? {};
  const isWhole =
    kind === 'PersonKey' &&
    apiVersion === 'tidegate.dev/v1' &&
    typeof person === 'string' &&
    typeof ed25519 === 'string' &&
    typeof mlDsa65 === 'string';
  return isWhole ? { kind, apiVersion, person, ed25519, mlDsa65 } : fail();
}

function privateKeyOf(pem: string, type: string, { path, passphrase }: PersonKeyPlace): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase !== null && { passphrase }) });
  } catch (error) {
    const isLocked = pem.includes('ENCRYPTED');
    const why =
      isLocked && passphrase === null
        ? 'it has a passphrase; name its file with --passphrase-file'
        : 'the passphrase is wrong, or the file is damaged';
    throw new PersonKeyError(
      isLocked ? 'wrong-passphrase' : 'not-a-key',
      `cannot open ${path}: ${isLocked ? why : 'it holds no private key'}`,
      error,
    );
  }
  if (key.asymmetricKeyType === type) return key;
  throw new PersonKeyError('not-a-key', `cannot use ${path}: its ${type} key is of another type`);
}
