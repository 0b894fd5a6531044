import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../gateway/build.ts';

export interface BoundaryPlace extends AsyncDisposable {
  readonly folder: string;
  /** Of the built gateway. */
  readonly entry: string;
  readonly backendPort: number;
}

/** A folder, the built gateway, and an instance that answers at once. */
export async function openPlace(): Promise<BoundaryPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
  const entry = await build(folder);
  const server = createServer((_, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    folder,
    entry,
    backendPort: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
