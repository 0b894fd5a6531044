import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
} from 'node:crypto';
import type { KeyObject, KeyPairKeyObjectResult } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { isErrno } from './errno.ts';
import type { Signer } from '../../ports/identity.ts';

export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
  readonly code: 'unsafe-permissions' | 'not-a-key' | 'io';
  readonly retryable = false;

  constructor(code: SigningKeyError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export const SIGNING_KEY_FILE = 'ledger-key.pem';

/**
 * The server's Ed25519 key of a state folder, made at the first start.
 *
 * The file is there whole or not at all: it is written under another name, synced, and linked to its name, which fails
 * when another process was quicker; then that one's key is used. Only its owner may read it (mode 0600).
 */
export async function openSigningKey(folder: string): Promise<Signer> {
  return signerOf(await openKeyFile(folder, { file: SIGNING_KEY_FILE, type: 'ed25519' }));
}

export interface KeyFile {
  readonly file: string;
  readonly type: 'ed25519' | 'ml-dsa-44' | 'ml-dsa-65';
}

/** The private key of this file, made when there is none. */
export async function openKeyFile(folder: string, { file, type }: KeyFile): Promise<KeyObject> {
  const path = join(folder, file);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await exists(path))) await createKeyFile(folder, path, type);
    await checkMode(folder, { forbidden: 0o022, can: 'replace files in it', remedy: 'chmod 700' });
    await checkMode(path, { forbidden: 0o077, can: 'read it', remedy: 'chmod 600' });
    return readKey(await readFile(path, 'utf8'), path, type);
  } catch (error) {
    if (error instanceof SigningKeyError) throw error;
    throw new SigningKeyError('io', `cannot open the signing key ${path}: ${String(error)}`, error);
  }
}

function signerOf(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    keyId: sha256Hex(publicKey),
    publicKey,
    sign: async (message, signal) => {
      signal.throwIfAborted();
      return sign(null, message, privateKey);
    },
  };
}

async function createKeyFile(folder: string, path: string, type: KeyFile['type']): Promise<void> {
  const { privateKey } = generatePair(type);
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    await writeDurably(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await link(draft, path);
  } catch (error) {
    // Another process made the key meanwhile: that one counts.
    if (!isErrno(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
}

function generatePair(type: KeyFile['type']): KeyPairKeyObjectResult {
  switch (type) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ml-dsa-44':
      return generateKeyPairSync('ml-dsa-44');
    case 'ml-dsa-65':
      return generateKeyPairSync('ml-dsa-65');
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
}

/** A new name in a folder survives a power cut only when the folder itself is synced. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

interface ModeRule {
  readonly forbidden: number;
  /** What others could do. */
  readonly can: string;
  readonly remedy: string;
}

async function checkMode(path: string, rule: ModeRule): Promise<void> {
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & rule.forbidden) === 0) return;
  throw new SigningKeyError(
    'unsafe-permissions',
    `cannot trust ${path}: its mode ${mode.toString(8).padStart(4, '0')} lets others ${rule.can}; ` +
      `if nobody did, run: ${rule.remedy} '${path}'`,
  );
}

function readKey(pem: string, path: string, type: KeyFile['type']): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch (error) {
    throw new SigningKeyError('not-a-key', `cannot read ${path}: it holds no private key`, error);
  }
  if (key.asymmetricKeyType !== type) {
    throw new SigningKeyError(
      'not-a-key',
      `cannot use ${path}: it holds a key of type ${key.asymmetricKeyType}, not ${type}`,
    );
  }
  return key;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
