import { createServer } from 'node:http';

/** One of ten services that say who asked them what; who may is none of their business. */
const server = createServer((request, response) => {
  response.end(`${process.env.NAME}: ${request.method} ${request.url}\n`);
});

server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => server.close());
