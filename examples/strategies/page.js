// A page that says its version. It takes WARM_MS until it is ready, and finishes what is under way when it is asked to stop.
import { createServer } from 'node:http';

const { VERSION: version = 'v1', WARM_MS: warmMs = '0', PORT: port = '0' } = process.env;
const readyAtMs = performance.now() + Number(warmMs);

const server = createServer((request, response) => {
  if (request.url === '/readyz' && performance.now() < readyAtMs) {
    response.writeHead(503).end('warming up\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ page: 'home', version })}\n`);
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(Number(port), '127.0.0.1');
