/** What stands behind the gateway: four instances of each kind in one process, which tells their ports to its parent. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { WebSocketServer } from 'ws';
import { blockBytes, Content, ContentCheck } from './content.ts';
import { grpcEcho } from './grpc-instance.ts';
import { MessageCheck } from './messages.ts';

const instances = 4;

function serve(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://instance');
  const number = (name: string): number => Number(url.searchParams.get(name) ?? 0);
  response.on('error', () => {});
  if (url.pathname === '/up') take(request, response, number('stream'), number('bytes'));
  else if (url.pathname === '/down') {
    const isChunked = url.searchParams.has('chunked');
    give(response, { stream: number('stream'), bytes: number('bytes'), isChunked });
  } else response.end(url.searchParams.get('id') ?? '');
}

/** Reads a body, and answers with what was wrong with it. */
function take(
  request: IncomingMessage,
  response: ServerResponse,
  stream: number,
  bytes: number,
): void {
  const check = new ContentCheck(stream);
  request.on('data', (chunk: Buffer) => check.take(chunk));
  request.on('error', () => {});
  request.on('end', () => response.end(JSON.stringify({ fault: check.ended(bytes) })));
}

interface Giving {
  readonly stream: number;
  readonly bytes: number;
  readonly isChunked: boolean;
}

function give(response: ServerResponse, { stream, bytes, isChunked }: Giving): void {
  const content = new Content(stream);
  let at = 0;
  response.writeHead(200, isChunked ? {} : { 'content-length': bytes });
  const more = (): void => {
    while (at < bytes) {
      const block = content.block(at / blockBytes).subarray(0, bytes - at);
      at += block.length;
      // A copy: the block is overwritten while the socket may still have it.
      if (!response.write(Buffer.from(block))) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

/** Sends back every message, and ends a connection whose messages are not in order. */
function echo(server: Server): void {
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    const check = new MessageCheck(Number(request.url?.slice(1) ?? 0));
    socket.on('error', () => {});
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const fault = check.take(data);
      if (fault === null) socket.send(data, { binary: isBinary });
      else socket.close(4000, fault.slice(0, 100));
    });
  });
}

const ports = { http: [] as number[], grpc: [] as number[] };

async function listen(server: NetServer): Promise<number> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

for (let index = 0; index < instances; index += 1) {
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, serve);
  echo(server);
  ports.http.push(await listen(server));
  ports.grpc.push(await listen(grpcEcho()));
}
process.send?.(ports);
// The parent's end is ours.
process.on('disconnect', () => process.exit(0));
