/** 1,000 changes of the routes under load while instances come and go: no request fails, and none is served by two tables. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Backend } from '../../domain/traffic/routing/route-table.ts';
import { GatewayFixture, until } from './gateway-fixture.ts';

const swaps = 1000;
const replaceEvery = 5;
const callers = 8;
const signal = AbortSignal.timeout(600_000);

/** Which tables named which instances; told when a table is given, since it may be in force before that is known. */
class Book {
  version = 0;
  /** Of the last table that is known to be in force. */
  inForce = 0;
  readonly #instances = new Map<number, ReadonlySet<string>>();

  put(backends: readonly Backend[]): number {
    this.version += 1;
    const of = ({ revisionId, endpoints }: Backend) =>
      endpoints.map(({ instanceId }) => `${revisionId} ${instanceId}`);
    this.#instances.set(this.version, new Set(backends.flatMap(of)));
    return this.version;
  }

  /** Whether one of these tables has this instance for this revision. */
  knows(who: string, fromVersion: number, toVersion: number): boolean {
    for (let version = fromVersion; version <= toVersion; version += 1) {
      if (this.#instances.get(version)?.has(who) === true) return true;
    }
    return false;
  }
}

class Instance {
  readonly id: string;
  readonly #server: Server;

  constructor(id: string) {
    this.id = id;
    this.#server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => {
        response.setHeader('x-instance', id);
        response.end(`${request.url} ${bytes} ${'x'.repeat(20_000)}`);
      });
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** As a platform stops one: at once, since it has been drained. */
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

test(`${swaps} changes of the table lose nothing while instances are replaced`, async () => {
  await using fixture = await GatewayFixture.start('fast');
  const book = new Book();
  let nextId = 0;
  const running = new Map<string, { readonly instance: Instance; readonly port: number }[]>();
  const start = async (revisionId: string): Promise<void> => {
    nextId += 1;
    const instance = new Instance(`${revisionId}-${nextId}`);
    const port = await instance.listen();
    running.set(revisionId, [...(running.get(revisionId) ?? []), { instance, port }]);
  };
  for (const revisionId of ['r1', 'r1', 'r2', 'r2']) await start(revisionId);
  const apply = async (swap: number): Promise<void> => {
    const weightPercent = [0, 0.1, 10, 50, 99.9, 100][swap % 6] ?? 50;
    const backend = (revisionId: string, weight: number): Backend => ({
      revisionId,
      weightPercent: weight,
      endpoints: (running.get(revisionId) ?? []).map(({ instance, port }) => {
        return { instanceId: instance.id, host: '127.0.0.1', port };
      }),
    });
    const backends = [backend('r1', 100 - weightPercent), backend('r2', weightPercent)];
    const route = { service: 'svc', host: 'svc.localhost', requestTimeoutMs: 60_000 };
    const version = book.put(backends);
    const table = { version, routes: [{ ...route, backends, matches: [] }] };
    await fixture.client.apply(table, signal);
    book.inForce = version;
  };
  await apply(0);

  const faults: string[] = [];
  let answered = 0;
  const over = new AbortController();
  const load = Array.from({ length: callers }, async (_, caller) => {
    for (let sent = 0; !over.signal.aborted && faults.length < 5; sent += 1) {
      const path = `/${caller}-${sent}`;
      const body = sent % 3 === 0 ? Buffer.alloc(5000) : '';
      const from = book.inForce;
      const method = body === '' ? 'GET' : 'POST';
      try {
        const answer = await fixture.send({ method, path, body });
        const revision = String(answer.headers['x-tidegate-revision']);
        const instance = String(answer.headers['x-instance']);
        const isOwn = answer.body.toString().startsWith(`${path} ${body.length} `);
        if (answer.status !== 200 || !isOwn) faults.push(`${path}: ${answer.status}`);
        else if (!book.knows(`${revision} ${instance}`, from, book.version)) {
          faults.push(`${path}: ${revision} by ${instance}, of no table from ${from} on`);
        }
        answered += 1;
      } catch (error) {
        faults.push(`${path}: ${String(error)}`);
      }
    }
  });

  for (let swap = 1; swap <= swaps && faults.length === 0; swap += 1) {
    if (swap % replaceEvery !== 0) {
      await apply(swap);
      continue;
    }
    // As a platform does it: the new one first, then the old one out of the table, drained, stopped.
    const revisionId = swap % (2 * replaceEvery) === 0 ? 'r1' : 'r2';
    await start(revisionId);
    const [old, ...rest] = running.get(revisionId) ?? [];
    running.set(revisionId, rest);
    await apply(swap);
    if (old === undefined) continue;
    await fixture.client.drain(old.instance.id, signal);
    old.instance.stop();
  }
  await until(() => answered > 500 || faults.length > 0);
  over.abort();
  await Promise.all(load);
  for (const { instance } of [...running.values()].flat()) instance.stop();
  assert.deepEqual(faults, []);
  assert.ok(book.version > swaps && answered > 500, `${answered} answers, ${book.version} tables`);
  await until(() => fixture.requests('r1') + fixture.requests('r2') === answered);
  assert.equal((fixture.counted('r1')[5] ?? 0) + (fixture.counted('r2')[5] ?? 0), 0);
});
