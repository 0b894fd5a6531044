import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';

/** `node fast-proxy.js PORT BACKEND-PORT` */
const [port, backendPort] = process.argv.slice(2).map(Number);
const undici = { connections: 512, pipelining: 1 };
const { proxy } = fastProxy({ base: `http://127.0.0.1:${backendPort}`, undici });
const server = createServer((request, response) => proxy(request, response, request.url, {}));
server.keepAliveTimeout = 75_000;
server.listen(port, '127.0.0.1');
