// Products with prices. Each answer takes WORK_MS, may be kept for an hour, and names its product in Cache-Tag.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { VERSION: version = 'v1', WORK_MS: workMs = '50', PORT: port = '0' } = process.env;
const prices = new Map([
  ['7', 100],
  ['8', 200],
]);

const server = createServer((request, response) => {
  void answer(request, response);
});

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function answer(request, response) {
  const [, id, given] = /^\/products\/(\w+)(?:\?price=(\d+))?/.exec(request.url ?? '') ?? [];
  if (id === undefined) {
    response.writeHead(request.url === '/readyz' || request.url === '/livez' ? 200 : 404).end();
    return;
  }
  // The gateway knows by itself that this changes the product; the batch job of another system has to say it.
  if (request.method === 'PUT' && given !== undefined) prices.set(id, Number(given));
  if (request.method === 'POST' && request.url?.endsWith('/sale')) prices.set(id, 50);
  await sleep(Number(workMs));
  response.writeHead(prices.has(id) ? 200 : 404, {
    'content-type': 'application/json',
    'cache-control': 'max-age=3600',
    'cache-tag': `product-${id}`,
    etag: `"${version}-${id}-${prices.get(id)}"`,
  });
  response.end(`${JSON.stringify({ product: id, price: prices.get(id) ?? null, version })}\n`);
}

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(Number(port), '127.0.0.1');
