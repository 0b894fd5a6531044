/**
 * `node sharing.ts WAY WORKERS`: worker processes that share one port in one of three ways, and answer each read with the
 * same 200. Prints the port; then, for each line that comes in, what each worker has accepted and answered since the last.
 */
import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { freePorts } from '../world.ts';

/**
 * `reuse-port`: a listening socket of each worker's own, the kernel deals by a hash of the addresses. `shared`: all accept
 * from one socket, who comes first has it. `dealt`: the parent accepts and hands connections round.
 */
export const ways = ['reuse-port', 'shared', 'dealt'] as const;
export type Way = (typeof ways)[number];

export interface WorkerCount {
  readonly connections: number;
  readonly requests: number;
}

const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-length: 1054\r\n\r\n${'x'.repeat(1054)}`,
  'latin1',
);

async function parent(way: Way, workerCount: number): Promise<void> {
  const [port = 0] = await freePorts(1);
  cluster.schedulingPolicy = way === 'dealt' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  const workers: Worker[] = [];
  for (let index = 0; index < workerCount; index += 1) {
    const worker = cluster.fork({ SHARING_WAY: way, SHARING_PORT: String(port) });
    workers.push(worker);
    await new Promise((resolve) => worker.once('message', resolve));
  }
  process.stdout.write(`${port}\n`);
  for await (const _ of createInterface({ input: process.stdin })) {
    const counts = await Promise.all(workers.map(countOf));
    process.stdout.write(`${JSON.stringify(counts)}\n`);
  }
  process.exit(0);
}

function countOf(worker: Worker): Promise<WorkerCount> {
  const { promise, resolve } = Promise.withResolvers<WorkerCount>();
  worker.once('message', resolve);
  worker.send('count');
  return promise;
}

function child(way: string | undefined, port: number): void {
  let connections = 0;
  let requests = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.on('data', () => {
      requests += 1;
      socket.write(answer);
    });
  });
  server.listen({ port, host: '127.0.0.1', backlog: 4096, reusePort: way === 'reuse-port' }, () =>
    process.send?.('listening'),
  );
  process.on('message', () => {
    process.send?.({ connections, requests } satisfies WorkerCount);
    connections = 0;
    requests = 0;
  });
}

if (cluster.isWorker) child(process.env['SHARING_WAY'], Number(process.env['SHARING_PORT']));
else if (import.meta.main) await parent(process.argv[2] as Way, Number(process.argv[3]));
