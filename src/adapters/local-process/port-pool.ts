import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { PlatformError } from '../../ports/platform.ts';

/**
 * Ports of 127.0.0.1 given to instances.
 *
 * P1 A port is given out once at a time, and only when it could be bound a moment ago; whoever still holds it from an
 *    earlier life (a leaked child, a stranger) keeps it and is passed by.
 * P2 Ports are taken in a circle from a random place, so a port just given back is the last to be used again: a
 *    connection kept open to a dead instance never reaches the next one.
 */
export class PortPool {
  readonly #first: number;
  readonly #count: number;
  readonly #taken = new Set<number>();
  #cursor: number;

  constructor(range: { readonly portFirst: number; readonly portLast: number }) {
    this.#first = range.portFirst;
    this.#count = range.portLast - range.portFirst + 1;
    this.#cursor = randomInt(this.#count);
  }

  async take(): Promise<number> {
    for (let tries = 0; tries < this.#count; tries += 1) {
      const port = this.#first + this.#cursor;
      this.#cursor = (this.#cursor + 1) % this.#count;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await canBind(port)) return port;
      this.#taken.delete(port);
    }
    throw new PlatformError(
      'no-port',
      `cannot find a free port on 127.0.0.1 in ${this.#first}-${this.#first + this.#count - 1}: ` +
        `${this.#taken.size} are given to instances, the others are in use; stop what holds them`,
      { retryable: true },
    );
  }

  /** An instance found again already has this one. */
  reserve(port: number): void {
    this.#taken.add(port);
  }

  release(port: number): void {
    this.#taken.delete(port);
  }
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
