import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../world.ts';
import { build } from './build.ts';
import { bigBytes, nginxBackend } from './configurations.ts';
import type { Place } from './contenders.ts';
import { installPeers } from './peers.ts';
import { loadCore, Processes, stayOnLoadCore } from './programs.ts';

/** Ports of the backend: as many instances as the long run has. */
const instances = 12;

export interface OpenPlace extends Place, AsyncDisposable {}

/** A temporary folder, the backend, a reader of logs and the installed packages. Disposing ends all of them. */
export async function openPlace(
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<OpenPlace> {
  await stayOnLoadCore();
  const resources = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const processes = resources.use(new Processes());
    // Whoever logs sends to this; unread lines are dropped by the kernel, as with any UDP syslog.
    const log = createSocket('udp4', () => {});
    resources.defer(() => void log.close());
    log.bind(0, '127.0.0.1');
    await once(log, 'listening');
    const collector = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.end());
    });
    resources.defer(() => {
      collector.closeAllConnections();
      collector.close();
    });
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const instancePorts = await freePorts(instances);
    const [stable = 0, candidate = 0] = instancePorts;
    await writeFile(join(folder, 'big'), Buffer.alloc(bigBytes, 'tide'));
    const path = join(folder, 'nginx-backend.conf');
    await writeFile(path, nginxBackend(folder, instancePorts));
    const argv = ['nginx', '-c', path, '-p', folder, '-e', 'stderr'];
    await processes.start(loadCore, argv, stable);
    await build(folder);
    const onFailure = (reason: string): void => say(`npm packages left out: ${reason}`);
    const peersFolder = await installPeers(onFailure, signal);
    return {
      folder,
      peersFolder,
      signal,
      logPort: log.address().port,
      collectorUrl: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`,
      backendPorts: [stable, candidate],
      instancePorts,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}
