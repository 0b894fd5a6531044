import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How long the work behind an answer takes, and how much there is of it. */
export const workMs = 5;
const bodyBytes = 1024;

/** An instance whose answers may be kept. What is asked of it has missed the cache before it, whatever that says of itself. */
export class CachedOrigin implements AsyncDisposable {
  asked = 0;
  readonly #server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    this.asked += 1;
    setTimeout(() => {
      response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-type': 'text/plain' });
      response.end(body);
    }, workMs);
  });

  static async open(): Promise<CachedOrigin> {
    const origin = new CachedOrigin();
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}

const body = 'x'.repeat(bodyBytes);
