import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { requestRows } from '../../src/apps/gateway/http1/corpus-rows.fixture.ts';
import { mutate, randomFrom } from '../../src/apps/gateway/http1/mutation.fixture.ts';
import { requestsReader } from '../../src/apps/gateway/http1/reading.fixture.ts';

/** What we pass on is shown to HAProxy, of Debian's package haproxy: it must not refuse it, nor see fewer requests. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
const program = folders.map((folder) => join(folder, 'haproxy')).find((path) => existsSync(path));
const skip = program === undefined ? 'not installed: haproxy' : false;
const seed = 7;
const changedMax = 300;
const answerMs = 3000;

const read = requestsReader();
let instance: Server;
let proxy: ChildProcess;
let folder: string;
let port: number;

before(async () => {
  if (program === undefined) return;
  instance = createServer({
    insecureHTTPParser: true,
    requireHostHeader: false,
    maxHeaderSize: 65_536,
  });
  instance.on('request', (request, response) => {
    request.resume();
    request.on('end', () => response.end());
  });
  instance.listen(0, '127.0.0.1');
  await once(instance, 'listening');
  port = await freePort();
  folder = await mkdtemp(join(tmpdir(), 'tidegate-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, configuration(port, (instance.address() as AddressInfo).port));
  proxy = spawn(program, ['-db', '-f', file], { stdio: 'ignore' });
  for (
    let tries = 0;
    tries < 100 && (await statuses('GET / HTTP/1.1\r\nHost: a\r\n\r\n', 1))[0] !== 200;
  ) {
    tries += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

after(async () => {
  if (skip !== false) return;
  proxy.kill('SIGKILL');
  instance.closeAllConnections();
  instance.close();
  await rm(folder, { recursive: true, force: true });
});

test('HAProxy takes every row of the corpus that we pass on', { skip }, async () => {
  let shown = 0;
  for (const [name, , octets, { sent, end }] of requestRows) {
    if (end !== 'done' || sent.length === 0) continue;
    shown += 1;
    assert.deepEqual(
      await statuses(octets, sent.length),
      sent.map(() => 200),
      name,
    );
  }
  assert.ok(shown > 50);
});

test('HAProxy takes what we pass on of changed rows', { skip, timeout: 120_000 }, async () => {
  const random = randomFrom(seed);
  const rows = requestRows.map(([, , octets]) => octets).filter((octets) => octets.length < 1000);
  for (let shown = 0; shown < changedMax;) {
    const octets = mutate(rows[random(rows.length)] ?? '', rows, random);
    const { sent, end } = read(Buffer.from(octets, 'latin1'), []);
    if (sent.length === 0 || end !== 'done') continue;
    shown += 1;
    const found = await statuses(octets, sent.length);
    assert.deepEqual(
      found,
      sent.map(() => 200),
      JSON.stringify(octets),
    );
  }
});

test('HAProxy refuses a planted request, so its silence means something', { skip }, async () => {
  const [status] = await statuses('GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n', 1);
  assert.equal(status, 400);
});

/** The final statuses of the first `wanted` answers; fewer if the connection ends or nothing more comes. */
async function statuses(octets: string, wanted: number): Promise<number[]> {
  const socket = connect(port, '127.0.0.1');
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve());
  socket.on('error', () => {});
  socket.setTimeout(answerMs, () => socket.destroy());
  socket.write(Buffer.from(octets, 'latin1'));
  let text = '';
  const found = () =>
    [...text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d) /g)].map(([, status]) => Number(status));
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (found().length >= wanted) socket.destroy();
  });
  await closed;
  // What follows a request that closes is no request to us, but may be one to HAProxy.
  return found().slice(0, wanted);
}

function configuration(listenPort: number, instancePort: number): string {
  return `global
  tune.bufsize 65536
  tune.http.maxhdr 200
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${listenPort}
  default_backend out
backend out
  server one 127.0.0.1:${instancePort}
`;
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}
