import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isErrno } from './errno.ts';
import { readPrivateText } from './private-text.ts';

/** Where the ledger of a state folder is kept. `url` may hold a password: it is for the store alone, never for messages. */
export type LedgerPlace =
  | { readonly kind: 'sqlite' }
  | { readonly kind: 'postgres'; readonly url: string; readonly knownFirstLeafHash: string | null };

export interface LedgerPlaceWish {
  /** A URL without a password, since a command line can be read by everybody on the machine. */
  readonly url: string | null;
  /** Absolute path of a file that only its owner can read, with the URL. */
  readonly urlFile: string | null;
  /** TIDEGATE_STORE_URL. */
  readonly environmentUrl: string | null;
}

/** What a state folder remembers of a ledger that is elsewhere; never a password. */
interface RememberedPlace {
  readonly url: string | null;
  readonly urlFile: string | null;
  /** Of entry 0, so that another database is noticed; null: not known yet. */
  readonly firstLeafHash: string | null;
}

export class LedgerPlaceError extends Error {
  override readonly name = 'LedgerPlaceError';
  readonly code = 'store';
}

const placeFile = 'store.json';

/** What is said now, else what the state folder remembers, else SQLite. Throws a LedgerPlaceError with the remedy. */
export async function ledgerPlaceOf(
  stateFolder: string,
  wish: LedgerPlaceWish,
): Promise<LedgerPlace> {
  const remembered = await readRemembered(stateFolder);
  const url = await urlOf(wish, remembered);
  if (url === null) {
    if (remembered === null) return { kind: 'sqlite' };
    throw new LedgerPlaceError(
      `the ledger of ${stateFolder} is in PostgreSQL, and its URL is not known here: set TIDEGATE_STORE_URL or give --store-url-file FILE`,
    );
  }
  if (remembered === null && (await isThere(join(stateFolder, 'ledger.db')))) {
    throw new LedgerPlaceError(
      `${stateFolder} has a ledger in SQLite already, and a ledger does not move: leave out the URL of the store, or begin in another folder with --state`,
    );
  }
  return { kind: 'postgres', url, knownFirstLeafHash: remembered?.firstLeafHash ?? null };
}

/** For those who only read: what the state folder remembers; an environment for other folders does not disturb. */
export async function knownLedgerPlace(
  stateFolder: string,
  environmentUrl: string | null,
): Promise<LedgerPlace> {
  if ((await readRemembered(stateFolder)) === null) return { kind: 'sqlite' };
  return ledgerPlaceOf(stateFolder, { url: null, urlFile: null, environmentUrl });
}

/** Written once the ledger was opened; a URL from the environment is not kept, so that it must be there at each start. */
export async function rememberLedgerPlace(
  stateFolder: string,
  wish: LedgerPlaceWish,
  firstLeafHash: string,
): Promise<void> {
  const before = await readRemembered(stateFolder);
  const isSaid = wish.url !== null || wish.urlFile !== null || wish.environmentUrl !== null;
  const said = isSaid ? wish : { url: before?.url ?? null, urlFile: before?.urlFile ?? null };
  const place: RememberedPlace = { url: said.url, urlFile: said.urlFile, firstLeafHash };
  const path = join(stateFolder, placeFile);
  await writeFile(`${path}.tmp`, `${JSON.stringify(place)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
}

/** Throws unless the URL has no password: for what stands on a command line. */
export function requireNoPassword(url: string): void {
  // By its form and not by its parts: what can't be parsed may hold one, too.
  if (!/:\/\/[^/?]*:[^/?]*@/.test(url) && !/[?&]password=/i.test(url)) return;
  throw new LedgerPlaceError(
    '--store has a password in it, which everybody on this machine can read in the list of processes: write the URL to a ' +
      'file (chmod 600) and give --store-url-file FILE, or set TIDEGATE_STORE_URL; and change that password',
  );
}

async function urlOf(
  wish: LedgerPlaceWish,
  remembered: RememberedPlace | null,
): Promise<string | null> {
  if (wish.url !== null && wish.urlFile !== null) {
    throw new LedgerPlaceError(
      '--store and --store-url-file name one thing twice: give one of them',
    );
  }
  if (wish.url !== null) {
    requireNoPassword(wish.url);
    return wish.url;
  }
  if (wish.urlFile !== null) return readUrlFile(wish.urlFile);
  if (wish.environmentUrl !== null) return wish.environmentUrl;
  if (remembered === null) return null;
  return remembered.urlFile === null ? remembered.url : readUrlFile(remembered.urlFile);
}

async function readUrlFile(path: string): Promise<string> {
  const read = await readPrivateText(path);
  if (read.kind === 'refused') throw new LedgerPlaceError(read.why);
  if (read.text !== '' && !/\s/.test(read.text)) return read.text;
  throw new LedgerPlaceError(`cannot use ${path}: it must hold one line with the URL`);
}

async function readRemembered(stateFolder: string): Promise<RememberedPlace | null> {
  const path = join(stateFolder, placeFile);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  });
  if (text === null) return null;
  const { url, urlFile, firstLeafHash } = parsed(text, path);
  const isText = (value: unknown): boolean => value === null || typeof value === 'string';
  if (isText(url) && isText(urlFile) && isText(firstLeafHash)) {
    return { url, urlFile, firstLeafHash } as RememberedPlace;
  }
  throw damaged(path);
}

function parsed(text: string, path: string): Partial<RememberedPlace> {
  try {
    return JSON.parse(text) as Partial<RememberedPlace>;
  } catch {
    throw damaged(path);
  }
}

function damaged(path: string): LedgerPlaceError {
  return new LedgerPlaceError(
    `cannot read ${path}, which says where the ledger is: put it back, or remove it and give --store-url-file FILE`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    },
  );
}
