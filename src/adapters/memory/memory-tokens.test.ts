import { tokenSourceContract } from '../../ports/token-source.contract.ts';
import { MemoryTokens } from './memory-tokens.ts';

tokenSourceContract('memory', () => Promise.resolve(new MemoryTokens(() => performance.now())));
