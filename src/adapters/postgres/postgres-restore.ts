import type { ControllerName } from '../../ports/ledger-lease.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import { PostgresConnection } from './postgres-connection.ts';
import { acquireLease } from './postgres-lease.ts';
import { PostgresLedgerStore } from './postgres-ledger-store.ts';
import { openPostgresLedgerReader } from './postgres-ledger-reader.ts';
import { bringToVersion } from './postgres-schema.ts';
import type { PostgresAddress } from './postgres-url.ts';

/** Nobody's lease is renewed inside the transaction: what it says is seen when it is over, and given back then. */
const leaseMs = 10_000;

/**
 * Fills an empty ledger in one transaction, so that a restore that is refused or breaks off leaves nothing in a database whose rows
 * are never deleted. Throws a LedgerError: `locked` when a server acts on it, `invalid-entry` when it has entries already. What
 * `fill` throws is thrown on.
 */
export async function fillPostgresLedger<Result>(
  {
    address,
    controller,
  }: { readonly address: PostgresAddress; readonly controller: ControllerName },
  fill: (store: PostgresLedgerStore) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  await using pool = new PostgresConnection(address);
  await bringToVersion(pool);
  return await pool.inOneTransaction('restore the ledger', async (connection) => {
    const wish = { controller, leaseMs, patienceMs: 0, onTrouble: () => undefined };
    const lease = await acquireLease(connection, wish, signal);
    await using store = new PostgresLedgerStore(connection, lease);
    requireEmpty((await store.head(signal)).size, address);
    return await fill(store);
  });
}

/** As `fillPostgresLedger` would, without making or changing anything. A database without tables is empty. */
export async function requireEmptyPostgresLedger(
  address: PostgresAddress,
  signal: AbortSignal,
): Promise<void> {
  try {
    await using ledger = await openPostgresLedgerReader(address, signal);
    requireEmpty((await ledger.head(signal)).size, address);
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'older-format')) throw error;
  }
}

function requireEmpty(size: number, { shown }: PostgresAddress): void {
  if (size === 0) return;
  throw new LedgerError(
    'invalid-entry',
    `the database ${shown} has a ledger of ${size} entries already, which is never written over; name an empty one`,
    { retryable: false },
  );
}
