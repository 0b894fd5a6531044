import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { LedgerReader } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { knownLedgerPlace, LedgerPlaceError } from '../../../adapters/system/ledger-place.ts';
import { SigningKeyError } from '../../../adapters/system/signing-key.ts';
import { LedgerError } from '../../../ports/ledger-store.ts';
import { CliError } from '../cli-error.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Session } from '../session.ts';

/** Reads the ledger of the state folder where it is kept, also beside a running server and after it. */
export async function withLedger(
  session: Session,
  run: (ledger: LedgerReader) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    await using ledger = await openLedgerReader(session);
    return await run(ledger);
  } catch (error) {
    const isKnown =
      error instanceof LedgerError ||
      error instanceof SigningKeyError ||
      error instanceof LedgerPlaceError;
    if (!isKnown) throw error;
    throw new CliError(error.message, { code: 'unreadable', cause: error });
  }
}

/** The same, for who closes it; throws a LedgerError, LedgerPlaceError or CliError. */
export async function openLedgerReader({
  stateFolder,
  env,
  signal,
}: Session): Promise<LedgerReader> {
  const place = await knownLedgerPlace(stateFolder, env['TIDEGATE_STORE_URL'] || null);
  if (place.kind === 'postgres') {
    const { openPostgresLedgerReader } =
      await import('../../../adapters/postgres/postgres-ledger-reader.ts');
    const { parsePostgresUrl } = await import('../../../adapters/postgres/postgres-url.ts');
    return openPostgresLedgerReader(parsePostgresUrl(place.url), signal);
  }
  if (!existsSync(join(stateFolder, 'ledger.db'))) {
    throw new CliError(`there is no ledger in ${stateFolder}`, {
      code: 'unreadable',
      remedy: 'name the state folder of a server with --state',
    });
  }
  const { openSqliteLedgerReader } =
    await import('../../../adapters/sqlite/sqlite-ledger-store.ts');
  return openSqliteLedgerReader(stateFolder, signal);
}
