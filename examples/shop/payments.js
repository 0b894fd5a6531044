import { serve } from './server.js';

/** Takes the money; depends on nobody. */
serve('payments', () => ({ paid: true, amountCents: 4_200 }));
