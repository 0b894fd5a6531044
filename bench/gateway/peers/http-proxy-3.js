import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

/** `node http-proxy-3.js PORT BACKEND-PORT` */
const [port, backendPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 512 });
const proxy = createProxyServer({ target: `http://127.0.0.1:${backendPort}`, agent, xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
const server = createServer((request, response) => proxy.web(request, response));
server.keepAliveTimeout = 75_000;
server.listen(port, '127.0.0.1');
