import { ledgerStoreContract } from '../../ports/ledger-store.contract.ts';
import { MemoryLedgerStore } from './memory-ledger-store.ts';

ledgerStoreContract('memory', async () => ({
  store: new MemoryLedgerStore(),
  [Symbol.asyncDispose]: async () => {},
}));
