import { Agent, createServer, request as httpRequest } from 'node:http';

/** The proxy anybody would write first: node:http, one keep-alive agent, two pipes. `node plain-proxy.js BACKEND-PORT` */
const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const server = createServer((request, response) => {
  const { method, url, headers } = request;
  const options = { host: '127.0.0.1', port, method, path: url, headers, agent };
  const outgoing = httpRequest(options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
