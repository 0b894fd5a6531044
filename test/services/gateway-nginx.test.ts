import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { GatewayFixture, send, until } from '../../src/apps/gateway/gateway-fixture.ts';
import { freePort } from '../e2e/free-port.fixture.ts';

/**
 * The gateway in front of servers and behind clients that nobody here wrote: nginx, curl and wrk from Debian's packages
 * nginx-light, curl and wrk.
 */
const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const nobody = 65534;
const file = randomBytes(3 * 1024 * 1024);

let fixture: GatewayFixture;
let nginx: ChildProcess;
let folder: string;
const ports: number[] = [];

/** Path of a program, also where only root's PATH leads; null: not installed. */
function pathOf(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}

const missing = ['nginx', 'curl', 'wrk'].filter((program) => pathOf(program) === null);
const skip = missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;

before(async () => {
  if (skip !== false) return;
  fixture = await GatewayFixture.start();
  folder = await mkdtemp(join(tmpdir(), 'tidegate-nginx-'));
  await chmod(folder, 0o777);
  await mkdir(join(folder, 'files'));
  await writeFile(join(folder, 'files', 'big'), file);
  await writeFile(join(folder, 'files', 'text'), 'tide '.repeat(2000));
  for (let server = 0; server < 4; server += 1) ports.push(await freePort());
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, ports));
  nginx = spawn(
    pathOf('nginx') ?? '',
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
    {
      stdio: 'ignore',
      ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    },
  );
  await until(async () => {
    return (await send(ports[0] ?? 0).catch(() => null))?.status === 200;
  });
});

after(async () => {
  if (skip !== false) return;
  const ended = once(nginx, 'exit');
  nginx.kill('SIGTERM');
  await ended;
  await fixture[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Two instances of each revision. */
function put(candidatePercent: number) {
  const endpoints = ports.map((port, index) => {
    return { instanceId: `nginx-${index}`, host: '127.0.0.1', port };
  });
  return fixture.route([
    { revisionId: 'r1', weightPercent: 100 - candidatePercent, endpoints: endpoints.slice(0, 2) },
    { revisionId: 'r2', weightPercent: candidatePercent, endpoints: endpoints.slice(2) },
  ]);
}

function curl(path: string, ...options: readonly string[]): Promise<{ stdout: Buffer }> {
  const url = `http://127.0.0.1:${fixture.port}${path}`;
  const all = ['-sS', '--max-time', '300', '-H', 'Host: svc.localhost', ...options, url];
  return run('curl', all, { encoding: 'buffer', maxBuffer: 16 * 1024 * 1024 });
}

test('1,000 requests by curl at 95:5 reach the candidate 50 times', { skip }, async () => {
  await put(5);
  const { stdout } = await curl('/who?[1-1000]');
  const answers = stdout.toString().trim().split('\n');
  assert.equal(answers.length, 1000);
  const candidate = answers.filter((answer) => answer === 'r2').length;
  assert.ok(Math.abs(candidate - 50) <= 1, `got ${candidate}`);
});

test(
  'a file, a part of it, a gzipped one, HEAD and 304 come through as nginx sent them',
  { skip },
  async () => {
    await put(50);
    const whole = await curl('/big');
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(sha256(whole.stdout), sha256(file));
    const part = await curl('/big', '-r', '1000-1999');
    assert.ok(part.stdout.equals(file.subarray(1000, 2000)));
    const zipped = await curl('/text', '-H', 'Accept-Encoding: gzip', '-i');
    assert.match(zipped.stdout.toString('latin1'), /content-encoding: gzip/i);
    const plain = await curl('/text', '--compressed');
    assert.equal(plain.stdout.toString(), 'tide '.repeat(2000));
    const head = (await curl('/big', '-I')).stdout.toString();
    assert.match(head, new RegExp(`content-length: ${file.length}`, 'i'));
    const etag = /etag: (.*)\r/i.exec(head)?.[1] ?? '';
    const unchanged = await curl('/big', '-i', '-H', `If-None-Match: ${etag}`);
    assert.match(unchanged.stdout.toString(), /^HTTP\/1\.1 304/);
    const old = await curl('/who', '-0', '-i');
    assert.match(old.stdout.toString(), /^HTTP\/1\.1 200[^]*r[12]\n$/);
  },
);

test(
  'wrk at 90:10 for 2 s, weights pushed all the while: no error, exact share, counts agree',
  { skip },
  async () => {
    await put(10);
    const base = { r1: fixture.requests('r1'), r2: fixture.requests('r2') };
    const url = `http://127.0.0.1:${fixture.port}/who`;
    const load = run('wrk', [
      '-t1',
      '-c32',
      '-d2s',
      '--timeout',
      '60s',
      '-H',
      'Host: svc.localhost',
      url,
    ]);
    let isOver = false;
    void load.finally(() => (isOver = true));
    await until(async () => {
      await put(10);
      return isOver;
    });
    const { stdout } = await load;
    assert.doesNotMatch(stdout, /Non-2xx|Socket errors/);
    const sent = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    assert.ok(sent > 200, stdout);
    const counted = () => fixture.requests('r1') + fixture.requests('r2') - base.r1 - base.r2;
    await until(() => counted() >= sent);
    // wrk cuts off what is under way at its end: at most one request for each of its connections is not in its count.
    assert.ok(counted() - sent <= 32, `${counted()} counted, ${sent} sent`);
    const candidate = fixture.requests('r2') - base.r2;
    assert.ok(Math.abs(candidate - counted() / 10) <= 4, `${candidate} of ${counted()}`);
    assert.equal(fixture.counted('r1')[5], 0);
    assert.equal(fixture.counted('r2')[5], 0);
  },
);

function configuration(prefix: string, listening: readonly number[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const servers = listening.map((port, index) => {
    const revision = index < 2 ? 'r1' : 'r2';
    return `server {
      listen 127.0.0.1:${port};
      root ${prefix}/files;
      gzip on; gzip_types *; gzip_proxied any;
      location = / { return 200 "ready"; }
      location = /who { default_type text/plain; return 200 "${revision}\\n"; }
    }`;
  });
  return `daemon off; master_process off; worker_processes 1; pid ${prefix}/nginx.pid;
    error_log stderr crit;
    events { worker_connections 1024; }
    http {
      access_log off; keepalive_requests 1000;
      ${temporary.map((name) => `${name}_temp_path ${prefix}/${name};`).join('\n')}
      ${servers.join('\n')}
    }`;
}
