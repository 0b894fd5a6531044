import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WriteStream } from 'node:tty';
import { test } from 'node:test';

import { CliError } from '../cli-error.ts';
import { plainLook } from '../look.ts';
import type { Session } from '../session.ts';
import { isRunning } from '../state-folder.ts';
import { down } from './down.ts';
import { runningServer, up, type UpOptions } from './up.ts';

/** A server reduced to what up and down see of it. */
const standIn = `
import { createServer } from 'node:http';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
const state = process.argv[process.argv.indexOf('--state') + 1];
console.error('starting', ...process.argv.slice(4));
const stat = readFileSync('/proc/self/stat', 'utf8');
const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
const gatewayUrl = 'http://' + process.argv.at(-1);
let asked = 0;
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.statusCode = (asked += 1) < 3 ? 503 : 200;
  response.end('{}');
  if (request.url === '/v1/stop') {
    rmSync(state + '/server.json');
    setTimeout(() => process.exit(0), 150);
  }
});
server.listen(0, '127.0.0.1', () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  writeFileSync(state + '/token', 'token');
  writeFileSync(state + '/server.json', JSON.stringify({ url, gatewayUrl, pid: process.pid, startTicks, version: '1' }));
});
`;
const options: UpOptions = { listen: '127.0.0.1:0', gatewayListen: '127.0.0.1:7400' };

interface Place extends AsyncDisposable {
  readonly session: Session;
  readonly folder: string;
  readonly said: () => Promise<string>;
  readonly program: (source: string) => Promise<string>;
}

async function openPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-up-'));
  const heard = new PassThrough();
  // What is needed of the streams is write() alone.
  const stream = Object.assign(Object.create(WriteStream.prototype), {
    write: (chunk: string) => heard.write(chunk),
  });
  const session: Session = {
    stateFolder: join(folder, 'state'),
    workingFolder: folder,
    env: {},
    who: 'tester',
    stdin: process.stdin,
    stdout: stream,
    stderr: stream,
    look: plainLook,
    talkLook: plainLook,
    signal: AbortSignal.timeout(600_000),
  };
  return {
    session,
    folder,
    said: async () => {
      heard.end();
      return text(heard);
    },
    program: async (source) => {
      const path = join(folder, 'server.mjs');
      await writeFile(path, source);
      return path;
    },
    async [Symbol.asyncDispose]() {
      const server = await runningServer(session);
      if (server !== null) process.kill(server.pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test('up starts one server and waits until it is ready, down waits until it is gone', async () => {
  await using place = await openPlace();
  const { session } = place;
  const program = await place.program(standIn);
  assert.equal(await up(session, options, program), 0);
  const server = await runningServer(session);
  assert.ok(server !== null);
  assert.equal(await up(session, options, program), 0);
  assert.equal((await runningServer(session))?.pid, server.pid);
  assert.equal(await isRunning({ ...server, startTicks: 1 }), false);
  assert.equal(await down(session, {}), 0);
  assert.equal(await isRunning(server), false);
  assert.equal(await down(session, {}), 0);
  const said = await place.said();
  assert.match(said, /^url: http:\/\/127.0.0.1:\d+\ngateway: http:\/\/127.0.0.1:7400\n/);
  assert.match(said, /already runs .*pid \d+/);
  assert.match(said, /Stopped: server, gateway and all instances\.\nNo server runs for/);
  const log = await readFile(join(session.stateFolder, 'server.log'), 'utf8');
  assert.match(log, /--listen 127.0.0.1:0 --gateway-listen 127.0.0.1:7400/);
});

test('a server that ends at once, or is never ready, fails with the end of its own log only', async () => {
  await using place = await openPlace();
  const rows = [
    {
      source: "console.error('old'); process.exit(3)",
      why: /ended at once with code 3/,
      log: 'old',
    },
    {
      source: "console.error('new'); setInterval(() => {}, 1000)",
      why: /not ready after \d+ ms/,
      log: 'new',
    },
  ];
  for (const { source, why, log } of rows) {
    const program = await place.program(source);
    const error = await failureOf(place.session, program, why);
    assert.deepEqual(error.lines.slice(1), [`  ${log}`]);
  }
});

/** With more and more time, until the program has said something within it: on a busy machine its start alone takes long. */
async function failureOf(session: Session, program: string, why: RegExp): Promise<CliError> {
  for (const timeout of [700, 7_000, 70_000]) {
    const error: unknown = await up(session, { ...options, timeout }, program).then(
      () => null,
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof CliError, String(error));
    if (error.lines.length > 1 && why.test(error.message)) return error;
  }
  return assert.fail(`it did not fail for ${why}`);
}

test('a server file left behind by a server that was killed is no running server', async () => {
  await using place = await openPlace();
  const { session } = place;
  const program = await place.program(standIn);
  await up(session, options, program);
  const first = await runningServer(session);
  assert.ok(first !== null);
  process.kill(first.pid, 'SIGKILL');
  while (await isRunning(first)) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await runningServer(session), null);
  assert.equal(await up(session, options, program), 0);
  assert.notEqual((await runningServer(session))?.pid, first.pid);
});

test('a credential on the command line is refused before any process is given it', async () => {
  await using place = await openPlace();
  const program = await place.program(standIn);
  const rows: readonly Partial<UpOptions>[] = [
    { store: 'postgres://ana:s3cret@127.0.0.1/tidegate' },
    { cdeventsSink: 'https://ana:s3cret@events.example/in' },
    { cdeventsSink: 'https://events.example/in?key=s3cret' },
  ];
  for (const row of rows) {
    await assert.rejects(up(place.session, { ...options, ...row }, program), (error) => {
      assert.ok(error instanceof CliError);
      assert.equal(error.code, 'usage');
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
  assert.equal(await runningServer(place.session), null);
});
