import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { TheirReading } from './llhttp-reading.fixture.ts';
import type { Message } from './reading.fixture.ts';

/** Whole connections as the strict parser of node:http reads them. No sockets: a server takes any Duplex. */
export class NodeReader {
  readonly #server: Server;
  #messages: Message[] = [];
  #isRefused = false;

  constructor() {
    this.#server = createServer({
      insecureHTTPParser: false,
      maxHeaderSize: 128 * 1024,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: () => false,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on('clientError', (_error, socket) => {
      this.#isRefused = true;
      socket.destroy();
    });
    this.#server.on('request', (request, response) => {
      this.#take(request);
      request.on('end', () => response.end());
    });
  }

  async read(octets: Buffer): Promise<TheirReading> {
    this.#messages = [];
    this.#isRefused = false;
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    this.#server.emit('connection', socket);
    socket.push(octets);
    socket.push(null);
    await closed;
    return { messages: this.#messages, isRefused: this.#isRefused };
  }

  #take(request: IncomingMessage): void {
    const { rawHeaders } = request;
    const headers: string[] = [];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      headers.push(`${rawHeaders[index] ?? ''}: ${rawHeaders[index + 1] ?? ''}`);
    }
    const start = `${request.method ?? ''} ${request.url ?? ''}`;
    const message: Message = { start, headers, body: '', isWhole: false };
    this.#messages.push(message);
    request.on('error', () => {});
    // What was parsed counts, even if the rest of the connection destroys the request before it is read.
    const push = request.push.bind(request);
    request.push = (chunk: Buffer | null) => {
      if (chunk === null) message.isWhole = request.complete;
      else message.body += chunk.toString('latin1');
      return push(chunk);
    };
    request.resume();
  }
}
