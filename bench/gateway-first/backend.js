import { createServer } from 'node:http';

/** What every proxy here stands before: 1 KiB, at once. Tells its port on standard output. */
const body = Buffer.alloc(1024, 'x');
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(body);
});
server.keepAliveTimeout = 75_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
