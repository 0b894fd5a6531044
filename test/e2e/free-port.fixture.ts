import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that nobody holds: above the instances' own, below those of outgoing connections. It stays this
 * process's until it ends: two that ask at one time, before either listens, or while a gateway is restarted, get two.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const port = randomInt(29_000, 32_700);
    // In this order: a port that is another's is not even tried.
    if ((await isReserved(port)) && (await canBind(port))) return port;
  }
  throw new Error('no free port from 29000 to 32699');
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

/** Held at another loopback address, which nobody else uses; the kernel lets it go when this process ends, however that is. */
function isReserved(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.3', exclusive: true }, () => {
      server.unref();
      resolve(true);
    });
  });
}
