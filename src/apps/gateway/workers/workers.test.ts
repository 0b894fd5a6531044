import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { Agent, type RequestListener, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findGateway, logFileName, startTicks } from '../../../adapters/gateway/gateway-file.ts';
import { ensureGateway } from '../../../adapters/gateway/gateway-process.ts';
import { weightedCount } from '../../../domain/traffic/samples/traffic-sample.ts';
import {
  engines,
  GatewayFixture,
  gatewayProgram,
  ownAddress,
  send,
  until,
} from '../gateway-fixture.ts';

const boundMs = 120_000;
/** For gateways that are killed or stopped. */
const listen = { host: ownAddress, port: 0 };
const address = ownAddress;

async function isAlive(pid: number): Promise<boolean> {
  return (await startTicks(pid)) !== null;
}

/** Process ids of the workers that serve, oldest first; by the gateway's log. */
async function workerPids(stateFolder: string): Promise<readonly number[]> {
  const log = await readFile(join(stateFolder, logFileName), 'utf8');
  const pids = [...log.matchAll(/worker \d+ serves \(pid (\d+)\)/g)].map(([, pid]) => Number(pid));
  const alive = await Promise.all(pids.map(isAlive));
  return pids.filter((_, index) => alive[index]);
}

/** State of a TCP socket as proc(5) has it in /proc/net/tcp. */
const tcpState = { established: '01', listening: '0A' } as const;

/** Established connections to `port` that a process has accepted. */
function acceptedBy(pid: number, port: number): Promise<number> {
  return socketsOf(pid, port, tcpState.established);
}

async function socketsOf(pid: number, port: number, wanted: string): Promise<number> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(
    fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  );
  const lines = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return lines.filter((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return state === wanted && local.endsWith(`:${hexPort}`) && links.includes(`socket:[${inode}]`);
  }).length;
}

async function listensStill(pid: number, port: number): Promise<boolean> {
  // It may end between two looks.
  return (await socketsOf(pid, port, tcpState.listening).catch(() => 0)) > 0;
}

/** A number of requests that wait for their answers, each on a connection of its own. */
async function hanging(fixture: GatewayFixture, count: number) {
  const waiting: ServerResponse[] = [];
  const answer: RequestListener = (request, response) => {
    if (request.url === '/slow') waiting.push(response);
    else response.end();
  };
  await fixture.single(answer, { requestTimeoutMs: 600_000 });
  const outcomes = Array.from({ length: count }, () =>
    fixture.sendAnew({ path: '/slow' }).then(
      ({ status }) => (status === 200 ? 'answered' : 'failed'),
      () => 'failed',
    ),
  );
  await until(() => waiting.length === count);
  return {
    finish: async (): Promise<{ answered: number; failed: number }> => {
      for (const response of waiting) response.end();
      const ended = await Promise.all(outcomes);
      const answered = ended.filter((outcome) => outcome === 'answered').length;
      return { answered, failed: count - answered };
    },
  };
}

function evidence(fixture: GatewayFixture): number {
  return fixture.samples.reduce((sum, each) => sum + weightedCount(each, 'r1').requests, 0);
}

/** Requests of a revision by the gateway's metrics. */
async function scraped(fixture: GatewayFixture, revisionId: string): Promise<number> {
  const { admin } = fixture.process.file;
  assert.ok(admin);
  const { body } = await send(admin.port, { path: '/metrics' });
  const counts = body
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('http_server_request_duration_seconds_count{'))
    .filter((line) => line.includes(`tidegate_revision="${revisionId}"`));
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

for (const engine of engines) {
  test(`engine ${engine}: four workers give 10 of 1,000 requests at 1 %, by at most 2 off, and count each once`, async () => {
    await using fixture = await GatewayFixture.start(engine, { listen, workers: 4 });
    const r1 = await fixture.instance((_request, response) => response.end());
    const r2 = await fixture.instance((_request, response) => response.end());
    await fixture.route([
      { revisionId: 'r1', weightPercent: 99, endpoints: [r1] },
      { revisionId: 'r2', weightPercent: 1, endpoints: [r2] },
    ]);
    const agents = Array.from({ length: 20 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const sending = agents.map(async (agent) => {
      for (let sent = 0; sent < 50; sent += 1) {
        assert.equal((await fixture.send({ agent })).status, 200);
      }
      agent.destroy();
    });
    await Promise.all(sending);
    await until(() => fixture.requests('r1') + fixture.requests('r2') === 1000);
    // N workers are off by N/2 together (S5 of split.ts).
    const candidates = fixture.requests('r2');
    assert.ok(candidates >= 8 && candidates <= 12, `${candidates}`);
    assert.ok(fixture.samples.every((sample) => !sample.isCatchUp));
    assert.deepEqual(fixture.client.workers, { wanted: 4, serving: 4, lost: 0 });
    // A scrape does not wait long for a worker that is busy.
    await until(
      async () => (await scraped(fixture, 'r1')) + (await scraped(fixture, 'r2')) === 1000,
    );
  });

  test(`engine ${engine}: a worker that is killed loses what it held and nothing else, and is replaced`, async () => {
    await using fixture = await GatewayFixture.start(engine, { listen, workers: 2 });
    const slow = await hanging(fixture, 12);
    const pair = await workerPids(fixture.stateFolder);
    const [victim = 0] = pair;
    let held = 0;
    // The kernel's list is no snapshot: while others come and go, one may be missing from it.
    await until(async () => {
      const counts = await Promise.all(pair.map((pid) => acceptedBy(pid, fixture.port)));
      held = counts[0] ?? 0;
      return counts.reduce((sum, count) => sum + count, 0) === 12;
    });
    process.kill(victim, 'SIGKILL');
    await until(() => fixture.client.workers?.lost === 1);
    await until(() => fixture.client.workers?.serving === 2);
    assert.deepEqual(await slow.finish(), { answered: 12 - held, failed: held });
    const pids = await workerPids(fixture.stateFolder);
    assert.ok(pids.length === 2 && !pids.includes(victim));
    for (let sent = 0; sent < 20; sent += 1) assert.equal((await fixture.sendAnew()).status, 200);
    // Once each: not lost with the dead, and not counted anew by its successor.
    await until(() => fixture.requests('r1') === 12 - held + 20);
    await until(async () => (await scraped(fixture, 'r1')) >= 20);
    const log = await readFile(join(fixture.stateFolder, logFileName), 'utf8');
    assert.match(log, /worker \d \(pid \d+\) has ended by SIGKILL after .* are lost/);
  });

  test(`engine ${engine}: workers of a killed gateway finish what they have, take nothing new, and end`, async () => {
    await using fixture = await GatewayFixture.start(engine, { listen, workers: 2 });
    const slow = await hanging(fixture, 6);
    const orphans = await workerPids(fixture.stateFolder);
    // The kernel may have given all connections to one of them; the other has nothing to wait for.
    let held: readonly number[] = [];
    // The kernel's list is no snapshot: while others come and go, one may be missing from it.
    await until(async () => {
      held = await Promise.all(orphans.map((orphan) => acceptedBy(orphan, fixture.port)));
      return held.reduce((sum, count) => sum + count, 0) === 6;
    });
    const holding = orphans.filter((_, index) => held[index] !== 0);
    const { pid } = fixture.process.file;
    process.kill(pid, 'SIGKILL');
    await until(async () => {
      const left = orphans.map((orphan) => listensStill(orphan, fixture.port));
      return !(await Promise.all(left)).includes(true);
    });
    assert.ok((await Promise.all(holding.map(isAlive))).every(Boolean));
    assert.deepEqual(await slow.finish(), { answered: 6, failed: 0 });
    await until(async () => !(await Promise.all(orphans.map(isAlive))).includes(true));
    await until(async () => ((await findGateway(fixture.stateFolder))?.pid ?? pid) !== pid);
    await until(async () => (await fixture.sendAnew().catch(() => null))?.status === 200);
    assert.equal((await fixture.sendAnew()).status, 200);
  });
}

test('a client has one vote, whichever worker its requests come to', async () => {
  await using fixture = await GatewayFixture.start('fast', { listen, workers: 3 });
  const endpoint = await fixture.instance((_request, response) => response.end());
  const put = () =>
    fixture.route([{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }], {
      oneVotePer: { client: { kind: 'header', name: 'x-client' }, windowMs: 3_600_000 },
    });
  await put();
  for (const client of ['a', 'b']) {
    await fixture.sendAnew({ headers: { 'x-client': client } });
    await until(() => evidence(fixture) === (client === 'a' ? 1 : 2));
    // A worker tells its votes before it acknowledges a table, and hears those of others before it gets the next.
    await put();
    await put();
    // Each on a connection of its own.
    for (let sent = 0; sent < 15; sent += 1) {
      await fixture.sendAnew({ headers: { 'x-client': client } });
    }
  }
  await until(() => fixture.requests('r1') === 32);
  assert.equal(evidence(fixture), 2);
});

test('a worker that hangs is ended and replaced, and a table is in force without it', async () => {
  await using fixture = await GatewayFixture.start('fast', { listen, workers: 2 });
  const endpoint = await fixture.single((_request, response) => response.end());
  const [stopped = 0] = await workerPids(fixture.stateFolder);
  process.kill(stopped, 'SIGSTOP');
  await fixture.route([{ revisionId: 'r2', weightPercent: 100, endpoints: [endpoint] }]);
  assert.equal(await isAlive(stopped), false);
  await until(() => fixture.client.workers?.serving === 2);
  for (let sent = 0; sent < 10; sent += 1) {
    assert.equal((await fixture.sendAnew()).headers['x-tidegate-revision'], 'r2');
  }
  const log = await readFile(join(fixture.stateFolder, logFileName), 'utf8');
  assert.match(log, /says nothing for \d+ ms: ending it/);
});

test('a table is acknowledged when every worker has it, over changes every 20 ms and lost workers', async () => {
  await using fixture = await GatewayFixture.start('fast', { listen, workers: 3 });
  const r1 = await fixture.instance((_request, response) => response.end());
  const r2 = await fixture.instance((_request, response) => response.end());
  const put = (revisionId: string) => {
    const endpoints = revisionId === 'r1' ? [r1] : [r2];
    return fixture.route([{ revisionId, weightPercent: 100, endpoints }]);
  };
  let wrong = 0;
  for (let change = 0; change < 60; change += 1) {
    const revisionId = change % 2 === 0 ? 'r1' : 'r2';
    await put(revisionId);
    if (change % 20 === 10)
      process.kill((await workerPids(fixture.stateFolder))[0] ?? 0, 'SIGKILL');
    // New connections each, so that each worker is asked.
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => fixture.sendAnew().catch(() => null)),
    );
    wrong += answers.filter(
      (answer) => answer !== null && answer.headers['x-tidegate-revision'] !== revisionId,
    ).length;
  }
  assert.equal(wrong, 0);
  await until(() => fixture.client.workers?.serving === 3 && fixture.client.workers.lost >= 3);
  assert.equal(fixture.client.workers?.lost, 3);
});

test('when the process that started the gateway is killed, no request is lost', async () => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
  const options = { ...gatewayProgram, stateFolder, listen, workers: 2 };
  const library = new URL('../../../adapters/gateway/gateway-process.ts', import.meta.url);
  const script = `
    import { ensureGateway } from ${JSON.stringify(library.href)};
    await ensureGateway(${JSON.stringify(options)}, AbortSignal.timeout(120000));
    console.log('started');
    setInterval(() => {}, 1000);
  `;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(server.stdout, 'data');
  using gateway = await ensureGateway(options, AbortSignal.timeout(boundMs));
  const over = new AbortController();
  const outcomes: (number | null)[] = [];
  const load = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      outcomes.push(
        await send(gateway.file.port, { address }).then(
          (answer) => answer.status,
          () => null,
        ),
      );
    }
  });
  await until(() => outcomes.length > 20);
  server.kill('SIGKILL');
  await once(server, 'exit');
  const before = outcomes.length;
  await until(() => outcomes.length > before + 100);
  over.abort();
  await Promise.all(load);
  // It has no routes, so what serves says 404.
  assert.deepEqual([...new Set(outcomes)], [404]);
  const workers = await workerPids(stateFolder);
  assert.equal(workers.length, 2);
  await gateway.stop(AbortSignal.timeout(boundMs));
  assert.deepEqual(await Promise.all(workers.map(isAlive)), [false, false]);
  await rm(stateFolder, { recursive: true });
});

test('SIGTERM drains all workers: what is under way is finished and counted, exit code 0', async () => {
  await using fixture = await GatewayFixture.start('fast', { listen, workers: 2 });
  const slow = await hanging(fixture, 6);
  const stopping = fixture.process.stop(AbortSignal.timeout(boundMs));
  await until(async () => (await fixture.sendAnew().catch(() => null)) === null);
  assert.deepEqual(await slow.finish(), { answered: 6, failed: 0 });
  await stopping;
  await until(() => fixture.requests('r1') >= 6);
});
