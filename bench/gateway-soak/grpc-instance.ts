import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { framed, GrpcReader } from './grpc-messages.ts';
import { MessageCheck } from './messages.ts';

/** Of gRPC's codes: what was sent is not what came. */
const dataLoss = '15';

/** An instance of gRPC that sends every message back, and says in its trailers how many there were and of which call. */
export function grpcEcho(): Http2Server {
  const server = createServer({ settings: { maxConcurrentStreams: 200 } });
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => echo(stream, Number(headers['x-call'] ?? 0)));
  return server;
}

function echo(stream: ServerHttp2Stream, call: number): void {
  const check = new MessageCheck(call);
  let fault: string | null = null;
  const reader = new GrpcReader((message) => {
    fault ??= check.take(message);
    // What waits to be sent holds the caller back by its own bound of messages under way.
    stream.write(framed(Buffer.from(message)));
  });
  stream.on('error', () => {});
  stream.respond({ 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    const isWell = fault === null && reader.isAtEnd;
    stream.sendTrailers({
      'grpc-status': isWell ? '0' : dataLoss,
      'grpc-message': fault ?? '',
      'x-call': String(call),
      'x-messages': String(check.count),
    });
  });
  stream.on('data', (chunk: Buffer) => reader.take(chunk));
  stream.on('end', () => stream.end());
}
