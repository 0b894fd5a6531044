import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** Resolves with the address when the server listens; rejects with the system's error (EADDRINUSE) when it cannot. */
export function listening(server: Server, options: ListenOptions): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', reject);
  server.listen(options, () => {
    server.off('error', reject);
    resolve(server.address() as AddressInfo);
  });
  return promise;
}

/** Ends a server that was listening with all its connections; one that was not is left as it is. */
export async function closed(server: HttpServer): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
