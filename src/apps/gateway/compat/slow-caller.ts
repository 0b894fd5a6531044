import type { ServerResponse } from 'node:http';

/** As the fast engine has it (`takeMs` of fast/parts.ts). */
export const usualTakeMs = 60_000;

/**
 * Cuts off a caller that has taken nothing of its answer for `takeMs`, after `onCut`, for the compat engine: nothing else would
 * end it, and what waits for it is memory.
 *
 * The timer of a socket begins anew with every octet that comes and that the kernel takes, so at its end nothing has moved.
 * Whether the caller is to blame is said by what waits for it: an instance may be silent, too.
 */
export function boundTaking(response: ServerResponse, takeMs: number, onCut: () => void): void {
  const look = (): void => {
    const { socket } = response;
    if (socket === null || response.destroyed) return;
    const takenBytes = (): number => socket.bytesWritten - socket.writableLength;
    const beforeBytes = takenBytes();
    // Behind the turn's reading and writing: when this process itself stood still, nobody was slow.
    setImmediate(() => {
      const isTaking = socket.writableLength === 0 || takenBytes() > beforeBytes;
      // Of a connection that is kept, the next request has a bound of its own.
      if (response.destroyed || response.writableFinished) return;
      if (isTaking) {
        response.setTimeout(takeMs);
        return;
      }
      onCut();
      response.destroy();
    });
  };
  response.setTimeout(takeMs, look);
}
