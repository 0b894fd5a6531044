import { createServer } from 'node:http';
import { faults } from './faults.js';

/**
 * The frame the three services share: PORT on 127.0.0.1, /readyz, /livez, JSON, a graceful end. `answer(request)` gives
 * the body of a 200, or throws; an error's `status` (else 500) becomes the answer's.
 */
export function serve(service, answer) {
  const port = Number(process.env.PORT);
  if (!Number.isInteger(port) || port < 1) {
    console.error(
      `${service}: cannot listen: PORT must be a port number, is "${process.env.PORT}"`,
    );
    process.exit(2);
  }
  const version = process.env.VERSION ?? 'dev';
  let isStopping = false;

  const server = createServer((request, response) => {
    const reply = (status, body) => {
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(isStopping ? { connection: 'close' } : {}),
      });
      response.end(JSON.stringify(body));
    };
    request.resume();
    if (request.url === '/livez') return faults.isLive() ? reply(200, {}) : reply(503, {});
    if (request.url === '/readyz') {
      return faults.isReady() && !isStopping ? reply(200, {}) : reply(503, {});
    }
    if (faults.hangs()) return;
    afterDelay(faults.delayMs, () => {
      if (faults.fails()) return reply(500, { service, version, error: 'failed on purpose' });
      Promise.resolve(answer(request)).then(
        (body) => reply(200, { service, version, ...body }),
        (error) => reply(error.status ?? 500, { service, version, error: error.message }),
      );
    });
  });
  // Longer than a gateway keeps an idle connection, so that it is the gateway that closes first.
  server.keepAliveTimeout = 75_000;
  server.on('error', (error) => {
    console.error(`${service}: cannot listen on 127.0.0.1:${port}: ${error.message}`);
    process.exit(1);
  });

  const stop = () => {
    if (faults.ignoresSigterm || isStopping) return;
    isStopping = true;
    // A moment in which answers say `connection: close`: a request already on its way is still served.
    setTimeout(() => server.close(() => process.exit(0)), 100);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  server.listen(port, '127.0.0.1', () => {
    console.log(`${service} ${version} listens on http://127.0.0.1:${port}`);
    faults.start(server);
  });
}

function afterDelay(delayMs, run) {
  if (delayMs > 0) setTimeout(() => run(), delayMs);
  else run();
}
