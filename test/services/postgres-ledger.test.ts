import { after, test } from 'node:test';

import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { ledgerStoreContract } from '../../src/ports/ledger-store.contract.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

if (withoutPostgres !== false) {
  test('the ledger in PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start({ isHasty: true });
  after(() => postgres[Symbol.asyncDispose]());

  ledgerStoreContract('postgres', async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresLedger(
      { address: parsePostgresUrl(url), controller: { id: 'one', shown: 'one' } },
      AbortSignal.timeout(60_000),
    );
    return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  });
}
