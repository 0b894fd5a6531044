import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

/** `node fastify-http-proxy.js PORT BACKEND-PORT` */
const [port, backendPort] = process.argv.slice(2).map(Number);
const server = fastify({ keepAliveTimeout: 75_000 });
await server.register(httpProxy, {
  upstream: `http://127.0.0.1:${backendPort}`,
  undici: { connections: 512, pipelining: 1 },
});
await server.listen({ port, host: '127.0.0.1' });
