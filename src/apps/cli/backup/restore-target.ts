import { rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import type { PostgresAddress } from '../../../adapters/postgres/postgres-url.ts';
import { openSqliteLedger } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { syncFolder } from '../../../adapters/system/durable-file.ts';
import {
  ledgerPlaceOf,
  type LedgerPlaceWish,
  rememberLedgerPlace,
} from '../../../adapters/system/ledger-place.ts';
import type { RestorableLedger } from '../../../control/ledger/ledger-restore.ts';
import type { Session } from '../session.ts';

/** Where a restored ledger is kept. */
export interface RestoreTarget {
  /** For people, without a password; null: in the state folder. */
  readonly store: string | null;
  /**
   * Gives `run` an empty ledger. It is in its place when this has resolved, and nothing of it when `run` rejects; what else belongs
   * to a state folder is put there by `run`, so that the ledger comes last.
   */
  fill<Result>(run: (store: RestorableLedger) => Promise<Result>): Promise<Result>;
}

export interface TargetOptions {
  readonly check?: boolean;
  /** URL of PostgreSQL without a password. */
  readonly store?: string;
  readonly storeUrlFile?: string;
}

/** Throws a LedgerPlaceError or a LedgerError when it can't be there. `stage`: a folder to build in. */
export async function restoreTarget(
  session: Session,
  options: TargetOptions,
  stage: string,
): Promise<RestoreTarget> {
  const { stateFolder, workingFolder, env, signal } = session;
  const { store, storeUrlFile } = options;
  const wish: LedgerPlaceWish = {
    url: store ?? null,
    urlFile: storeUrlFile === undefined ? null : resolve(workingFolder, storeUrlFile),
    environmentUrl: env['TIDEGATE_STORE_URL'] || null,
  };
  const isElsewhere = Object.values(wish).some((each) => each !== null);
  const place = isElsewhere ? await ledgerPlaceOf(stateFolder, wish) : { kind: 'sqlite' as const };
  const isCheckOnly = options.check === true;
  if (place.kind === 'sqlite') return inStateFolder({ stage, stateFolder, isCheckOnly }, signal);
  const { parsePostgresUrl } = await import('../../../adapters/postgres/postgres-url.ts');
  const { requireEmptyPostgresLedger } =
    await import('../../../adapters/postgres/postgres-restore.ts');
  const address = parsePostgresUrl(place.url);
  // Found out before an hour of checking: the transaction asks again.
  await requireEmptyPostgresLedger(address, signal);
  const checked = inStateFolder({ stage, stateFolder, isCheckOnly }, signal);
  if (isCheckOnly) return { ...checked, store: address.shown };
  return { store: address.shown, fill: (run) => inPostgres({ session, wish, address }, run) };
}

function inStateFolder(
  of: { readonly stage: string; readonly stateFolder: string; readonly isCheckOnly: boolean },
  signal: AbortSignal,
): RestoreTarget {
  const { stage, stateFolder, isCheckOnly } = of;
  return {
    store: null,
    fill: async (run) => {
      const result = await onStage(stage, run, signal);
      if (isCheckOnly) return result;
      await rename(join(stage, 'ledger.db'), join(stateFolder, 'ledger.db'));
      await syncFolder(stateFolder);
      return result;
    },
  };
}

async function onStage<Result>(
  folder: string,
  run: (store: RestorableLedger) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  return await run(store);
}

async function inPostgres<Result>(
  to: {
    readonly session: Session;
    readonly wish: LedgerPlaceWish;
    readonly address: PostgresAddress;
  },
  run: (store: RestorableLedger) => Promise<Result>,
): Promise<Result> {
  const { session, wish, address } = to;
  const { stateFolder, signal } = session;
  const { fillPostgresLedger } = await import('../../../adapters/postgres/postgres-restore.ts');
  const host = hostname().slice(0, 90);
  const controller = { id: `restore/${host}/${process.pid}`, shown: `a restore on ${host}` };
  return fillPostgresLedger(
    { address, controller },
    async (store) => {
      const result = await run(store);
      for await (const { leafHash } of store.read({ fromIndex: 0, stream: null }, signal)) {
        await rememberLedgerPlace(stateFolder, wish, leafHash);
        break;
      }
      await syncFolder(stateFolder);
      return result;
    },
    signal,
  );
}
