import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { lockFolder } from '../../../adapters/sqlite/sqlite-lock.ts';
import { openSqliteLedger } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import {
  type LedgerPlace,
  type LedgerPlaceWish,
  ledgerPlaceOf,
  rememberLedgerPlace,
} from '../../../adapters/system/ledger-place.ts';
import { openSigningKey, SIGNING_KEY_FILE } from '../../../adapters/system/signing-key.ts';
import { requireWriterKey } from '../../../control/recording/wanted-signer.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ControllerName, LedgerLease } from '../../../ports/ledger-lease.ts';
import { LedgerError } from '../../../ports/ledger-store.ts';
import type { LedgerStore } from '../../../ports/ledger-store.ts';
import type { LedgerTree } from '../../../ports/ledger-tree.ts';
import type { LedgerTrouble } from './ledger-trouble.ts';

export interface OpenedLedger {
  readonly store: LedgerStore & LedgerTree;
  /** Null: nobody else can reach the ledger. */
  readonly lease: LedgerLease | null;
  /** Called when the ledger has an entry: the state folder knows from then on which ledger is its own, and where. */
  readonly remember: () => Promise<void>;
}

interface OpeningParts {
  readonly stateFolder: string;
  readonly wish: LedgerPlaceWish;
  readonly trouble: LedgerTrouble;
  readonly resources: AsyncDisposableStack;
}

/** The ledger of a state folder, where it was said or remembered to be. */
export async function openServerLedger(
  parts: OpeningParts,
  signal: AbortSignal,
): Promise<OpenedLedger> {
  const { stateFolder, wish, resources } = parts;
  const place = await ledgerPlaceOf(stateFolder, wish);
  if (place.kind === 'postgres') return openPostgres(parts, place, signal);
  const options = { folder: stateFolder, sizeLimitBytes: null };
  const store = resources.use(await openSqliteLedger(options, signal));
  return { store, lease: null, remember: async () => {} };
}

/** Between two tries to ask for the lease. */
const retryMs = 500;

/** Resolves when the lease is ours for sure; waits while it can't be asked for, and throws when it is lost. */
export async function whileHeld(
  { lease, clock }: { readonly lease: LedgerLease | null; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  if (lease === null) return;
  for (;;) {
    try {
      return await lease.confirm(signal);
    } catch (error) {
      if (!(error instanceof LedgerError && error.retryable)) throw error;
    }
    await clock.sleep(retryMs, signal);
  }
}

async function openPostgres(
  { stateFolder, wish, trouble, resources }: OpeningParts,
  place: LedgerPlace & { readonly kind: 'postgres' },
  signal: AbortSignal,
): Promise<OpenedLedger> {
  const { openPostgresLedger } =
    await import('../../../adapters/postgres/postgres-ledger-store.ts');
  const { parsePostgresUrl } = await import('../../../adapters/postgres/postgres-url.ts');
  const address = parsePostgresUrl(place.url);
  // Two servers of one folder would share its gateway and its instances, whatever their ledger.
  await appendFile(join(stateFolder, 'ledger.lock'), '', { mode: 0o600 });
  resources.use(lockFolder(stateFolder));
  const store = await openPostgresLedger(
    {
      address,
      controller: await controllerName(stateFolder),
      checkFirst: async (ledger) => {
        requireOwn(await firstLeafHash(ledger, signal), {
          place,
          stateFolder,
          where: address.shown,
        });
        // Another server may have rotated them. To find that out with the lease in hand would have ended a writer for nothing.
        await requireWriterKey(ledger, await keyIdsIn(join(stateFolder, 'keys')), signal);
      },
      onTrouble: (message) => trouble.tell('lease', message),
    },
    signal,
  );
  resources.use(store);
  const remember = async (): Promise<void> => {
    const first = await firstLeafHash(store, signal);
    if (first !== null) await rememberLedgerPlace(stateFolder, wish, first);
  };
  return { store, lease: store.lease, remember };
}

/** A ledger that isn't this folder's is left alone, an empty one in the place of ours, too. */
function requireOwn(
  first: string | null,
  of: {
    readonly place: LedgerPlace & { readonly kind: 'postgres' };
    readonly stateFolder: string;
    readonly where: string;
  },
): void {
  const known = of.place.knownFirstLeafHash;
  const refuse = (what: string): never => {
    throw new LedgerError('corrupt', `cannot use the ledger in ${of.where}: ${what}`, {
      retryable: false,
    });
  };
  if (known !== null && first === null) {
    refuse(`it is empty, and that of ${of.stateFolder} is not; check the URL, or restore it`);
  }
  if (known !== null && first !== known) {
    refuse(`it is another ledger than that of ${of.stateFolder}; check the URL`);
  }
  const hasKey = existsSync(join(of.stateFolder, 'keys', SIGNING_KEY_FILE));
  if (known === null && first !== null && !hasKey) {
    refuse(
      `another state folder began it, and its keys are not in ${of.stateFolder}; copy its folder keys, or name another database`,
    );
  }
}

/** Of those in use here and of a rotation that was not ended; none are made. */
async function keyIdsIn(folder: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const each of [folder, join(folder, 'next')]) {
    if (existsSync(join(each, SIGNING_KEY_FILE))) ids.push((await openSigningKey(each)).keyId);
  }
  return ids;
}

async function firstLeafHash(
  ledger: Pick<LedgerStore, 'read'>,
  signal: AbortSignal,
): Promise<string | null> {
  for await (const { leafHash } of ledger.read({ fromIndex: 0, stream: null }, signal)) {
    return leafHash;
  }
  return null;
}

/** The same at each start of this folder's server. */
async function controllerName(stateFolder: string): Promise<ControllerName> {
  const path = join(stateFolder, 'controller');
  const known = await readFile(path, 'utf8').catch(() => '');
  const id = known.trim() === '' ? randomUUID() : known.trim().slice(0, 100);
  if (known === '') {
    await writeFile(`${path}.tmp`, `${id}\n`, { mode: 0o600, flush: true });
    await rename(`${path}.tmp`, path);
  }
  const host = hostname();
  return {
    id: `${host.slice(0, 90)}/${id}`,
    shown: `the server of ${stateFolder} on ${host}`.slice(0, 500),
  };
}
