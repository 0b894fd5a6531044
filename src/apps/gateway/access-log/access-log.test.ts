import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, readlink, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { engines, gatewayProgram, GatewayFixture, until } from '../gateway-fixture.ts';

type Line = Readonly<Record<string, unknown>>;

async function linesOf(path: string): Promise<readonly Line[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

for (const engine of engines) {
  test(`the engine ${engine} logs what its callers got, and none of their secrets`, async () => {
    await using fixture = await GatewayFixture.start(engine, {
      arguments: ['--access-log', 'access.log'],
    });
    const path = join(fixture.stateFolder, 'access.log');
    await fixture.single((request, response) => {
      if (request.url === '/cut') request.socket.destroy();
      else response.end('hello');
    });
    const headers = {
      authorization: 'Bearer planted-secret',
      cookie: 'session=planted-secret',
      'user-agent': 'agent "7"',
    };
    await fixture.send({ path: '/cart?token=planted-secret', headers });
    await fixture.send({ method: 'POST', path: '/cut', body: 'abc', headers });
    await fixture.send({ host: 'nobody.localhost' });
    await until(async () => (await linesOf(path)).length === 3);
    const text = await readFile(path, 'utf8');
    assert.ok(!text.includes('planted-secret'));
    // Each is told at its end, which the next request does not wait for.
    const lines = await linesOf(path);
    const [cart, cut] = ['/cart', '/cut'].map((each) =>
      lines.find((line) => line['url.path'] === each),
    );
    const nobody = lines.find((line) => line['url.path'] === '/');
    assert.equal(cart?.['url.path'], '/cart');
    assert.equal(cart['user_agent.original'], 'agent "7"');
    assert.equal(cart['http.response.status_code'], 200);
    assert.equal(cart['http.response.body.size'], 5);
    assert.equal(cart['client.address'], '127.0.0.1');
    assert.deepEqual([cart['tidegate.service'], cart['tidegate.revision']], ['svc', 'r1']);
    assert.ok(Number(cart['http.server.request.duration']) > 0);
    assert.deepEqual([cut?.['http.response.status_code'], cut?.['error.type']], [502, 'reset']);
    assert.deepEqual(
      [nobody?.['error.type'], nobody?.['tidegate.service']],
      ['unknown-host', undefined],
    );
  });
}

test('a head that is refused is logged without a word of it', async () => {
  await using fixture = await GatewayFixture.start('fast', {
    arguments: ['--access-log', 'access.log'],
  });
  const path = join(fixture.stateFolder, 'access.log');
  await fixture.raw('GET /planted HTTP/1.1\r\nHost: a\r\nX: a\nforged: b\r\n\r\n');
  await until(async () => (await linesOf(path)).length === 1);
  const [line] = await linesOf(path);
  assert.deepEqual(
    [line?.['http.response.status_code'], line?.['error.type']],
    [400, 'bad-request'],
  );
  assert.ok(!(await readFile(path, 'utf8')).includes('planted'));
});

/** What this process has open. */
async function openFiles(pid: number | string): Promise<readonly string[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  return Promise.all(names.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
}

for (const engine of engines) {
  test(`SIGHUP alone has the engine ${engine} begin another file, and requests go on`, async () => {
    const flags = ['--access-log', 'access.log'];
    await using fixture = await GatewayFixture.start(engine, { arguments: flags });
    const path = join(fixture.stateFolder, 'access.log');
    await fixture.single((_request, response) => response.end());
    await fixture.send();
    await until(async () => (await linesOf(path)).length === 1);
    await rename(path, `${path}.1`);
    const { pid } = fixture.process.file;
    process.kill(pid, 'SIGHUP');
    // Nothing is asked meanwhile: with its next lines a writer notices by itself that its file was moved.
    await until(async () => {
      const open = await openFiles(pid);
      return open.includes(path) && !open.includes(`${path}.1`);
    });
    assert.equal((await fixture.send()).status, 200);
    await until(async () => (await linesOf(path)).length === 1);
    assert.equal((await linesOf(`${path}.1`)).length, 1);
    assert.equal(fixture.process.file.pid, pid);
  });
}

test('a sample has what failed and its share of the rest', async () => {
  const flags = ['--access-log', 'access.log', '--access-log-sample', '0.1', '--access-log-query'];
  await using fixture = await GatewayFixture.start('fast', { arguments: flags });
  const path = join(fixture.stateFolder, 'access.log');
  await fixture.single((request, response) => {
    response.writeHead(request.url === '/bad' ? 500 : 200).end();
  });
  for (let sent = 0; sent < 50; sent += 1) await fixture.send({ path: '/good?q=1' });
  await fixture.send({ path: '/bad' });
  await until(async () => (await linesOf(path)).length === 6);
  const lines = await linesOf(path);
  assert.equal(lines.filter((line) => line['url.query'] === 'q=1').length, 5);
});

test('SIGHUP to the gateway begins another file in each worker', async () => {
  const flags = ['--access-log', 'access.log'];
  await using fixture = await GatewayFixture.start('fast', { workers: 2, arguments: flags });
  const path = join(fixture.stateFolder, 'access.log');
  await fixture.single((_request, response) => response.end());
  await fixture.sendAnew();
  await until(async () => (await linesOf(path)).length === 1);
  await rename(path, `${path}.1`);
  process.kill(fixture.process.file.pid, 'SIGHUP');
  const { pid } = fixture.process.file;
  const workers = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  await until(async () => {
    const files = await Promise.all(workers.map(openFiles));
    return (
      files.length === 2 &&
      files.every((open) => open.includes(path) && !open.includes(`${path}.1`))
    );
  });
  await fixture.sendAnew();
  await until(async () => (await linesOf(path)).length === 1);
});

const refused: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
  [['--access-log', '/proc/none/x'], /cannot write the access log: .*ENOENT.*--access-log/],
  [['--access-log-sample', '2'], /--access-log-sample 2: must be above 0 and at most 1/],
  [['--access-log-sample', 'half'], /--access-log-sample half: must be/],
  [['--metrics', 'nowhere'], /--metrics nowhere: must be HOST:PORT/],
];

for (const [flags, says] of refused) {
  test(`${flags.join(' ')} is refused with the reason`, () => {
    const { nodePath, entry } = gatewayProgram;
    const always = ['--state', '/tmp/tidegate-never-made', '--listen', '127.0.0.1:0'];
    const ran = spawnSync(nodePath, [entry, ...always, ...flags], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.equal(ran.status, 2);
    assert.match(ran.stderr, says);
  });
}
