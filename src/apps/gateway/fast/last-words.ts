import type { Socket } from 'node:net';

/**
 * Has a socket whose write has failed read on until the loop has looked at all sockets once more, and destroyed then.
 *
 * An instance may refuse a request before its body is whole, and close: what is still sent to it is answered by a reset.
 * Its refusal has come before that and lies in the kernel, but Node destroys a socket with the failed write, and who is
 * served first of two sockets that are ready is chance. RFC 9112 section 9.6 has servers wait before they close, so that this
 * cannot happen; not all do.
 */
export function withLastWords(socket: Socket): Socket {
  const destroy = socket.destroy.bind(socket);
  let isDeferred = false;
  socket.destroy = (error?: Error): Socket => {
    if (!isFailedWrite(error)) return destroy(error);
    // The first comes before the loop looks again, the second after it.
    if (!isDeferred) setImmediate(() => setImmediate(() => destroy(error)));
    isDeferred = true;
    return socket;
  };
  return socket;
}

function isFailedWrite(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.syscall === 'write';
}
