import { serve } from './server.js';
import { callService } from './upstream.js';

/** What the shop's customers talk to: it asks checkout for their order. */
serve('web', async (request) => ({ checkout: await callService('checkout', request, 1_500) }));
