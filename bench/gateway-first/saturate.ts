import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * As many requests as the target takes: each connection sends the next one when it has the answer. Bare sockets, because
 * a client library would cost more than what is measured; the answer's end is known by its length, which is the same for
 * all answers of one target.
 */
export async function saturate(
  port: number,
  options: { readonly host: string; readonly connections: number; readonly durationMs: number },
): Promise<{ readonly requests: number; readonly tookMs: number }> {
  const request = Buffer.from(`GET / HTTP/1.1\r\nhost: ${options.host}\r\n\r\n`);
  const answerBytes = await answerLength(port, request);
  let requests = 0;
  let failure: Error | null = null;
  const sockets = Array.from({ length: options.connections }, () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let missingBytes = answerBytes;
    socket.on('data', (chunk) => {
      missingBytes -= chunk.length;
      if (missingBytes > 0) return;
      if (missingBytes < 0) failure = new Error(`port ${port} answers in different lengths`);
      requests += 1;
      missingBytes = answerBytes;
      socket.write(request);
    });
    socket.on('error', (error) => (failure = error));
    socket.on('connect', () => socket.write(request));
    return socket;
  });
  const startedMs = performance.now();
  await sleep(options.durationMs);
  const tookMs = performance.now() - startedMs;
  const ended = requests;
  for (const socket of sockets) socket.destroy();
  if (failure !== null) throw failure as Error;
  return { requests: ended, tookMs };
}

/** Asks once to learn how long an answer is, head and body. */
async function answerLength(port: number, request: Buffer): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(request);
  const text = await wholeAnswer(socket);
  socket.destroy();
  if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(`port ${port} answered ${text}`);
  return text.length;
}

async function wholeAnswer(socket: Socket): Promise<string> {
  let text = '';
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
    const headBytes = text.indexOf('\r\n\r\n') + 4;
    const bodyBytes = /^content-length: *(\d+)\r$/im.exec(text)?.[1];
    if (headBytes < 4) continue;
    if (bodyBytes === undefined)
      throw new Error(`no content-length in ${text.slice(0, headBytes)}`);
    if (text.length >= headBytes + Number(bodyBytes)) return text;
  }
}
