import { Agent } from 'node:http';
import proxies from 'http-proxy';

/** `node http-proxy.js PORT BACKEND-PORT` */
const [port, backendPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 512 });
const proxy = proxies.createProxyServer({
  target: `http://127.0.0.1:${backendPort}`,
  agent,
  xfwd: true,
});
proxy.on('error', (_error, _request, response) => response.destroy());
const server = proxy.listen(port, '127.0.0.1');
server.keepAliveTimeout = 75_000;
