/** A WebSocket service that says its version and then what it hears; closes with 1001 (RFC 6455, 7.4.1) on SIGTERM. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const version = process.env['VERSION'] ?? '';
const server = createServer((_request, response) => response.end('ok'));
const sockets = new WebSocketServer({ server });

sockets.on('connection', (socket) => {
  socket.send(version);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});

process.on('SIGTERM', () => {
  for (const socket of sockets.clients) socket.close(1001, 'going away');
  server.close(() => process.exit(0));
});

server.listen(Number(process.env['PORT']), '127.0.0.1');
