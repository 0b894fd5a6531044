import { cacheStoreContract } from '../../ports/cache-store.contract.ts';
import { MemoryCache } from './memory-cache.ts';

cacheStoreContract('memory', () => Promise.resolve(new MemoryCache()));
