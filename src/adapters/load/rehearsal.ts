import { createServer } from 'node:http';

import { runLoad } from './load-generator.ts';
import { LoadError, type LoadOptions } from './load-options.ts';

/**
 * Long enough that what a run executes is compiled: measured on a busy machine, a process spends 60 to 95 ms of CPU on its first
 * requests, and 6 ms on those of its second run. Those moments make the requests that are due meanwhile late, which in a run of
 * 2.5 s is more than the hundredth that may be.
 */
const rehearsed = { targetRps: 2_000, durationMs: 150 };

/**
 * A short run against a listener of this process, so that the real one is not late by the compiler. Nobody else sees its
 * requests, and its result is thrown away. Aborting the signal ends it early. Throws `LoadError` when nothing can listen.
 */
export async function rehearse(
  { connections }: Pick<LoadOptions, 'connections'>,
  signal: AbortSignal,
): Promise<void> {
  const listener = createServer((_request, response) => void response.end('{}'));
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (cause) => reject(cannotListen(cause)));
    listener.listen(0, '127.0.0.1', resolve);
  });
  const address = listener.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    const url = `http://127.0.0.1:${port}/`;
    await runLoad({ url, headers: {}, connections, ...rehearsed }, signal);
  } finally {
    listener.close();
    listener.closeAllConnections();
  }
}

function cannotListen(cause: Error): LoadError {
  const message = `cannot listen on 127.0.0.1 to rehearse the load: ${cause.message}`;
  return new LoadError('worker-failed', message, { retryable: true, cause });
}
