import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { findGateway, routesFileName } from '../../adapters/gateway/gateway-file.ts';
import { ensureGateway, GatewayProcessError } from '../../adapters/gateway/gateway-process.ts';
import { totalCount } from '../../domain/traffic/samples/traffic-sample.ts';
import {
  engines,
  GatewayFixture,
  gatewayProgram,
  ownAddress,
  send,
  until,
} from './gateway-fixture.ts';

const signal = AbortSignal.timeout(600_000);
/** For gateways that are killed or stopped. */
const listen = { host: ownAddress, port: 0 };
const address = ownAddress;

/** The gateway as a plain child process, for what the supervisor would hide. */
async function run(...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(gatewayProgram.nodePath, [gatewayProgram.entry, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

/** No SIGHUP (the first bit) is on its way to the process any more: proc(5), ShdPnd. */
async function hasHeard(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(`0x${/^ShdPnd:\s*(\w+)$/m.exec(status)?.[1]?.slice(-8)}`) & 1) === 0;
}

test('a killed gateway is started again at once and serves with the kept table', async () => {
  await using fixture = await GatewayFixture.start(undefined, { listen });
  await fixture.single((_request, response) => response.end('v1'));
  assert.equal((await fixture.send()).body.toString(), 'v1');
  await until(() => fixture.requests('r1') === 1);
  const { pid, port } = fixture.process.file;
  // Without its client, so that only the kept table can be what it serves with.
  await fixture.client[Symbol.asyncDispose]();
  process.kill(pid, 'SIGKILL');
  await until(async () => {
    const answer = await send(port, { address }).catch(() => null);
    return answer?.status === 200;
  });
  await until(() => fixture.process.file.pid !== pid);
  assert.equal(fixture.process.file.port, port);
  assert.match(fixture.events.join('\n'), /has died; starting another in 0 ms/);
});

test('a restarted gateway that lost its newest table is given it by the client', async () => {
  await using fixture = await GatewayFixture.start(undefined, { listen });
  const endpoint = await fixture.single((_request, response) => response.end('v1'));
  const old = await readFile(join(fixture.stateFolder, routesFileName), 'utf8');
  await fixture.route([{ revisionId: 'r2', weightPercent: 100, endpoints: [endpoint] }]);
  await writeFile(join(fixture.stateFolder, routesFileName), old);
  process.kill(fixture.process.file.pid, 'SIGKILL');
  await until(async () => {
    const answer = await fixture.send().catch(() => null);
    return answer?.headers['x-tidegate-revision'] === 'r2';
  });
});

test('samples go on after the gateway was killed: first a catch-up, then evidence', async () => {
  await using fixture = await GatewayFixture.start(undefined, { listen });
  await fixture.single((_request, response) => response.end());
  await fixture.send();
  await until(() => fixture.requests('r1') === 1);
  assert.equal(fixture.samples[0]?.isCatchUp, false);
  const { pid } = fixture.process.file;
  process.kill(pid, 'SIGKILL');
  await until(async () => {
    const found = await findGateway(fixture.stateFolder);
    return found !== null && found.pid !== pid;
  });
  await until(async () => (await fixture.send().catch(() => null))?.status === 200);
  const before = fixture.samples.length;
  await until(() => fixture.requests('r1') >= 2);
  await fixture.send();
  await until(() => fixture.requests('r1') >= 3);
  const after = fixture.samples.slice(before);
  assert.ok(after.slice(1).every((sample) => !sample.isCatchUp));
  assert.equal(fixture.requests('r1'), 3);
});

test('the gateway serves while nobody is connected, and the next listener catches up once', async () => {
  await using fixture = await GatewayFixture.start();
  await fixture.single((_request, response) => response.end());
  await fixture.send();
  await until(() => fixture.requests('r1') === 1);
  await fixture.client[Symbol.asyncDispose]();
  for (let sent = 0; sent < 5; sent += 1) assert.equal((await fixture.send()).status, 200);
  const samples: { requests: number; isCatchUp: boolean }[] = [];
  await using client = new GatewayClient({ socketPath: fixture.process.file.controlSocket });
  client.subscribe((sample) => {
    samples.push({ requests: totalCount(sample, 'r1').requests, isCatchUp: sample.isCatchUp });
  });
  await until(() => samples.length === 1);
  await fixture.send();
  await until(() => samples.length === 2);
  assert.deepEqual(samples, [
    { requests: 5, isCatchUp: true },
    { requests: 1, isCatchUp: false },
  ]);
});

test('samples come every 100 ms, and every 20 ms once traffic is split', async () => {
  await using fixture = await GatewayFixture.start();
  const first = await fixture.single((_request, response) => response.end());
  const gapsMs = () =>
    fixture.samples.slice(1).map((each, index) => each.atMs - (fixture.samples[index]?.atMs ?? 0));
  const sendUntil = (isEnough: () => boolean) =>
    until(async () => (await fixture.send()).status === 200 && isEnough());

  await sendUntil(() => fixture.samples.length >= 11);
  const times = fixture.samples.map(({ atMs }) => atMs);
  // On average, and less than 100: one that was late is followed by the next as soon as that is due.
  const meanMs = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
  assert.ok(meanMs >= 60, times.join(' '));

  const second = await fixture.instance((_request, response) => response.end(), 'r2');
  await fixture.route([
    { revisionId: 'r1', weightPercent: 95, endpoints: [first] },
    { revisionId: 'r2', weightPercent: 5, endpoints: [second] },
  ]);
  fixture.samples.length = 0;
  await sendUntil(() => gapsMs().filter((gapMs) => gapMs < 80).length >= 5);
});

for (const engine of engines) {
  test(`engine ${engine}: weights that change every 20 ms under load lose nothing and keep the share`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    const r1 = await fixture.instance((_request, response) => response.end());
    const r2 = await fixture.instance((_request, response) => response.end());
    const put = (percent: number) => {
      return fixture.route([
        { revisionId: 'r1', weightPercent: 100 - percent, endpoints: [r1] },
        { revisionId: 'r2', weightPercent: percent, endpoints: [r2] },
      ]);
    };
    await put(5);
    const over = new AbortController();
    let failed = 0;
    let sent = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) {
        sent += 1;
        const answer = await fixture.send().catch(() => null);
        if (answer?.status !== 200) failed += 1;
      }
    });
    let changes = 0;
    await until(async () => {
      await put(changes % 2 === 0 ? 6 : 4);
      changes += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return changes >= 75 && sent >= 1000;
    });
    over.abort();
    await Promise.all(load);
    assert.equal(failed, 0);
    await until(() => fixture.requests('r1') + fixture.requests('r2') === sent);
    const share = fixture.requests('r2') / sent;
    assert.ok(share > 0.035 && share < 0.065, `${share} of ${sent}`);
  });

  test(`engine ${engine}: an instance that leaves the table finishes what it has, and its connections are closed`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    let answering: ServerResponse | null = null;
    let connections = 0;
    const leaving = await fixture.instance((request, response) => {
      connections += 1;
      request.socket.on('close', () => (connections -= 1));
      answering = response;
      response.write('started ');
    });
    const staying = await fixture.instance((_request, response) => response.end('staying'));
    await fixture.route([{ revisionId: 'r1', weightPercent: 100, endpoints: [leaving] }]);
    const slow = fixture.send();
    await until(() => answering !== null);
    await fixture.route([{ revisionId: 'r1', weightPercent: 100, endpoints: [staying] }]);
    assert.equal((await fixture.send()).body.toString(), 'staying');
    (answering as ServerResponse | null)?.end('finished');
    assert.equal((await slow).body.toString(), 'started finished');
    await until(() => connections === 0);
  });

  test(`engine ${engine}: drain waits for what a revision has under way, however many ask, and for nothing else`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    let answering: ServerResponse | null = null;
    const leaving = await fixture.instance((_request, response) => {
      answering = response;
      response.write('started ');
    });
    const staying = await fixture.instance((_request, response) => response.end());
    await fixture.route([{ revisionId: 'r1', weightPercent: 100, endpoints: [leaving] }]);
    const slow = fixture.send();
    await until(() => answering !== null);
    await fixture.route([{ revisionId: 'r2', weightPercent: 100, endpoints: [staying] }]);
    await fixture.client.drain('r2', signal);
    let drained = 0;
    const draining = [1, 2].map(async () => {
      await fixture.client.drain('r1', signal);
      drained += 1;
    });
    await fixture.client.drain('r2', signal);
    await fixture.send();
    assert.equal(drained, 0);
    (answering as ServerResponse | null)?.end('finished');
    assert.equal((await slow).body.toString(), 'started finished');
    await until(() => drained === 2);
    await Promise.all(draining);
  });

  test(`engine ${engine}: SIGTERM drains: nothing new is taken, what is under way is finished, exit code 0`, async () => {
    const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
    const child = spawn(
      gatewayProgram.nodePath,
      [
        gatewayProgram.entry,
        '--state',
        stateFolder,
        '--listen',
        `${address}:0`,
        '--engine',
        engine,
      ],
      { stdio: 'ignore' },
    );
    const exited = once(child, 'exit');
    await until(async () => (await findGateway(stateFolder))?.pid === child.pid);
    const file = await findGateway(stateFolder);
    assert.ok(file);
    await using fixture = await GatewayFixture.start(engine);
    let answering: ServerResponse | null = null;
    const endpoint = await fixture.instance((request, response) => {
      if (request.url === '/slow') answering = response;
      else response.end();
    });
    await using client = new GatewayClient({ socketPath: file.controlSocket });
    const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }];
    const route = {
      service: 's',
      host: 'svc.localhost',
      requestTimeoutMs: 60_000,
      backends,
      matches: [],
    };
    await client.apply({ version: 1, routes: [route] }, signal);
    let counted = 0;
    client.subscribe((sample) => (counted += totalCount(sample, 'r1').requests));
    await send(file.port, { address, agent: fixture.agent });
    const slow = send(file.port, { address, path: '/slow' });
    await until(() => answering !== null);
    child.kill('SIGHUP');
    await until(() => hasHeard(child.pid ?? 0));
    // A signal without a handler would have ended it by now.
    assert.equal((await send(file.port, { address })).status, 200);
    child.kill('SIGTERM');
    // A signal takes its time: what is asked until it is heard is served and counted.
    let servedBefore = 0;
    await until(async () => {
      const answer = await send(file.port, { address }).catch(() => null);
      if (answer?.status === 200) servedBefore += 1;
      return answer === null;
    });
    assert.equal(child.exitCode, null);
    (answering as ServerResponse | null)?.end('finished');
    const answer = await slow;
    assert.equal(answer.body.toString(), 'finished');
    assert.equal(answer.headers.connection, 'close');
    const [code] = (await exited) as [number | null];
    assert.equal(code, 0);
    await until(() => counted === 3 + servedBefore);
    await rm(stateFolder, { recursive: true });
  });
}

test('a second gateway on the same address or state folder says so and ends', async () => {
  await using fixture = await GatewayFixture.start();
  const elsewhere = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
  const sameAddress = await run('--state', elsewhere, '--listen', `127.0.0.1:${fixture.port}`);
  assert.equal(sameAddress.code, 3);
  assert.match(sameAddress.stderr, new RegExp(`127.0.0.1:${fixture.port}: the port is in use`));
  const sameState = await run('--state', fixture.stateFolder, '--listen', '127.0.0.1:0');
  assert.equal(sameState.code, 4);
  assert.match(sameState.stderr, /another gateway runs with it/);
  assert.equal((await findGateway(fixture.stateFolder))?.pid, fixture.process.file.pid);
  await rm(elsewhere, { recursive: true });
});

for (const [name, args] of [
  ['nothing', []],
  ['an address without a port', ['--state', 'x', '--listen', '127.0.0.1']],
  ['port 65536', ['--state', 'x', '--listen', '127.0.0.1:65536']],
  ['an unknown option', ['--state', 'x', '--listen', '127.0.0.1:0', '--what']],
  [
    'a socket path that is too long',
    ['--state', join(tmpdir(), 'x'.repeat(120)), '--listen', '127.0.0.1:0'],
  ],
] as const) {
  test(`started with ${name} it ends with 2`, async () => {
    assert.equal((await run(...args)).code, 2);
  });
}

test('a kept table that is damaged is told and not used', async () => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
  await writeFile(join(stateFolder, routesFileName), '{"version":1,"routes":[{');
  const options = { ...gatewayProgram, stateFolder, listen: { host: '127.0.0.1', port: 0 } };
  const gateway = await ensureGateway(options, signal);
  assert.match(
    await readFile(join(stateFolder, 'gateway.log'), 'utf8'),
    /the kept routes are no use/,
  );
  assert.equal((await send(gateway.file.port)).status, 404);
  await gateway.stop(signal);
  await rm(stateFolder, { recursive: true });
});

test('a running gateway is found again by another process, unless another address is asked for', async () => {
  await using fixture = await GatewayFixture.start();
  const { stateFolder } = fixture;
  const listen = { host: '127.0.0.1', port: fixture.port };
  using found = await ensureGateway({ ...gatewayProgram, stateFolder, listen }, signal);
  assert.equal(found.file.pid, fixture.process.file.pid);
  const other = {
    ...gatewayProgram,
    stateFolder,
    listen: { host: '127.0.0.1', port: fixture.port + 1 },
  };
  await assert.rejects(ensureGateway(other, signal), (error) => {
    return error instanceof GatewayProcessError && error.code === 'other-address';
  });
});

test('a gateway outlives the process that started it, and whoever finds it restarts it', async () => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
  const options = { ...gatewayProgram, stateFolder, listen };
  const library = new URL('../../adapters/gateway/gateway-process.ts', import.meta.url);
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
  const before = await findGateway(stateFolder);
  assert.ok(before);
  server.kill('SIGKILL');
  await once(server, 'exit');
  assert.equal((await send(before.port, { address })).status, 404);
  const found = await ensureGateway(options, signal);
  assert.equal(found.file.pid, before.pid);
  process.kill(before.pid, 'SIGKILL');
  await until(() => found.file.pid !== before.pid);
  assert.equal((await send(before.port, { address })).status, 404);
  await found.stop(signal);
  assert.equal(await findGateway(stateFolder), null);
  await assert.rejects(send(before.port, { address }), { code: 'ECONNREFUSED' });
  await rm(stateFolder, { recursive: true });
});

test('the control socket is for its owner only and survives nonsense', async () => {
  await using fixture = await GatewayFixture.start();
  const { controlSocket } = fixture.process.file;
  assert.equal((await stat(controlSocket)).mode & 0o777, 0o600);
  for (const nonsense of ['\n', '{}\n', '{"type":"apply","table":{"version":1,"routes":[7]}}\n']) {
    const socket = connect(controlSocket);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write(nonsense);
    await once(socket, 'close');
    assert.match(received, /"refused"/);
  }
  const flood = connect(controlSocket);
  flood.on('error', () => {});
  flood.on('connect', () => flood.write(Buffer.alloc(9 * 1024 * 1024, 'x')));
  flood.resume();
  // Not `once`, which takes the reset that cuts it off for a failure.
  await until(() => flood.closed);
  await fixture.single((_request, response) => response.end('still here'));
  assert.equal((await fixture.send()).body.toString(), 'still here');
});

test('apply without a gateway fails as unreachable, retryable, and version is null', async () => {
  const options = {
    socketPath: join(tmpdir(), 'nobody.sock'),
    applyTimeoutMs: 50,
    versionTimeoutMs: 20,
  };
  await using client = new GatewayClient(options);
  assert.equal(await client.version(signal), null);
  await assert.rejects(client.apply({ version: 1, routes: [] }, signal), {
    name: 'RouterError',
    code: 'unreachable',
    retryable: true,
  });
  const patient = new AbortController();
  const applying = client.apply({ version: 2, routes: [] }, patient.signal);
  patient.abort(new Error('no longer wanted'));
  await assert.rejects(applying, /no longer wanted/);
});
