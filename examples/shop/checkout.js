import { serve } from './server.js';
import { callService } from './upstream.js';

let orders = 0;

/** Places an order: it asks payments for the money. */
serve('checkout', async (request) => {
  const payment = await callService('payments', request, 1_000);
  orders += 1;
  return { order: orders, payment };
});
