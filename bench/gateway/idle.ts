import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytesOf } from '../process-stat.ts';
import { hostName } from './configurations.ts';
import type { Running } from './contenders.ts';

const togetherMax = 100;
const settleMs = 1500;

/** Megabytes resident while `connections` callers, who have had one answer each, say nothing. */
export async function residentMbAtIdle(
  { port, pid }: Running,
  connections: number,
): Promise<number> {
  const sockets: Socket[] = [];
  try {
    while (sockets.length < connections) {
      const missing = Math.min(togetherMax, connections - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: missing }, () => caller(port)))));
    }
    await sleep(settleMs);
    const lost = sockets.filter((socket) => socket.readyState !== 'open').length;
    if (lost > 0) throw new Error(`${lost} of ${connections} idle connections were closed`);
    return (await residentBytesOf(pid)) / 1024 ** 2;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function caller(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(`GET / HTTP/1.1\r\nHost: ${hostName}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) {
    throw new Error(`answered ${answer.toString('latin1').slice(0, 200)}`);
  }
  socket.resume();
  return socket;
}
