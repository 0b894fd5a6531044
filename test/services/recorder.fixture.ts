import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as node:http read it behind a proxy. */
export interface Recorded {
  readonly method: string;
  readonly target: string;
  /** `name: value`, names in lower case, in the order in which they came. */
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: string;
}

/** An instance that writes down every whole request, and whether it was sent something that is none. */
export class Recorder implements AsyncDisposable {
  requests: Recorded[] = [];
  /** Connections with what node:http refuses. */
  refused: string[] = [];
  readonly #server: Server;

  /** `isLenient`: takes what node:http takes from old servers. */
  static async start(isLenient = false): Promise<Recorder> {
    const recorder = new Recorder(isLenient);
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  private constructor(isLenient: boolean) {
    this.#server = createServer({
      insecureHTTPParser: isLenient,
      requireHostHeader: false,
      maxHeaderSize: 128 * 1024,
      keepAliveTimeout: 60_000,
      shouldUpgradeCallback: () => false,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // Ended within a body by a proxy whose caller broke off: that is how it should be.
      const isCut = error.code === 'HPE_INVALID_EOF_STATE' || error.code === 'ECONNRESET';
      if (!isCut) this.refused.push(`${error.code}: ${error.message}`);
      socket.destroy();
    });
    this.#server.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      request.on('error', () => {});
      request.on('end', () => {
        this.requests.push(recorded(request, body));
        response.end();
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What has come since the last call. */
  take(): { readonly requests: readonly Recorded[]; readonly refused: readonly string[] } {
    const { requests, refused } = this;
    this.requests = [];
    this.refused = [];
    return { requests, refused };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function recorded(request: IncomingMessage, body: string): Recorded {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    headers: lines(request.rawHeaders),
    trailers: lines(request.rawTrailers),
    body,
  };
}

function lines(raw: readonly string[]): string[] {
  const found: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    found.push(`${(raw[index] ?? '').toLowerCase()}: ${raw[index + 1] ?? ''}`);
  }
  return found;
}
