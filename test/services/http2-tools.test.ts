import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify, stripVTControlCharacters } from 'node:util';
import { until } from '../../src/apps/gateway/gateway-fixture.ts';
import { TlsGateway } from './tls-gateway.fixture.ts';

const run = promisify(execFile);
const host = 'web.test.example';
const hasTools = ['curl', 'h2load', 'nghttp'].every(
  (tool) => spawnSync(tool, ['--version']).status === 0,
);
const skip = hasTools ? false : 'curl or nghttp2-client is not installed';

let received = 0;
const server = createServer((request, response) => {
  received += 1;
  if (request.method === 'GET') {
    response.end('answer\n');
    return;
  }
  request.pipe(response);
});
let gateway: TlsGateway;
let authority: string;

/** Each test that counts has a revision of its own, since the samples of what others have asked may come during it. */
function routeTo(revisionId: string): Promise<void> {
  const { port } = server.address() as AddressInfo;
  const endpoints = [{ instanceId: 'one', host: '127.0.0.1', port }];
  return gateway.route(host, [{ revisionId, weightPercent: 100, endpoints }]);
}

before(async () => {
  gateway = await TlsGateway.start();
  server.listen(0, '127.0.0.1');
  await until(() => server.listening);
  await routeTo('r1');
  authority = join(gateway.folder.path, 'authority.pem');
  await writeFile(authority, gateway.folder.authority.pem);
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
});

function curl(args: readonly string[]): Promise<{ readonly stdout: string }> {
  const place = `${host}:${gateway.tlsPort}:127.0.0.1`;
  return run('curl', [
    '-sS',
    '--max-time',
    '300',
    '--cacert',
    authority,
    '--resolve',
    place,
    ...args,
  ]);
}

for (const [flag, version] of [
  ['--http2', '2'],
  ['--http1.1', '1.1'],
] as const) {
  test(
    `curl ${flag} is answered, checks the certificate, and gets back what it sends`,
    { skip },
    async () => {
      const url = `https://${host}:${gateway.tlsPort}/`;
      const format = '%{http_version} %{http_code} %{ssl_verify_result}';
      const { stdout } = await curl([flag, '-w', format, url]);
      assert.equal(stdout, `answer\n${version} 200 0`);
      const file = join(gateway.folder.path, 'body');
      const body = randomBytes(4_000_000);
      await writeFile(file, body);
      const back = join(gateway.folder.path, 'back');
      const sending = ['-H', 'expect: 100-continue', '--data-binary', `@${file}`, '-o', back];
      await curl([flag, ...sending, url]);
      assert.ok((await readFile(back)).equals(body), 'what came back is not what was sent');
    },
  );
}

test(
  'curl begins with HTTP/2 on the plain port, and is told of a certificate that does not fit',
  { skip },
  async () => {
    const plain = ['--http2-prior-knowledge', '-H', `host: ${host}`, '-w', '%{http_version}'];
    assert.equal((await curl([...plain, `http://127.0.0.1:${gateway.port}/`])).stdout, 'answer\n2');
    const other = ['-H', 'host: other.example', '-o', '/dev/null', '-w', '%{http_code}'];
    const { stdout } = await curl([...other, `https://${host}:${gateway.tlsPort}/`]);
    assert.equal(stdout, '421');
  },
);

test('nghttp gets its answers on one connection, with their fields', { skip }, async () => {
  const url = `http://127.0.0.1:${gateway.port}/`;
  const args = ['-v', '--no-dep', '-H', `:authority: ${host}`, '-m', '20', url];
  const { stdout } = await run('nghttp', args, { timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
  const plain = stripVTControlCharacters(stdout);
  assert.equal(plain.match(/:status: 200/g)?.length, 20);
  assert.equal(plain.match(/x-tidegate-revision: r1/g)?.length, 20);
  assert.doesNotMatch(plain, /PROTOCOL_ERROR|INTERNAL_ERROR|transfer-encoding/);
});

test(
  'h2load: ten thousand requests over many streams, each answered once and counted once',
  { skip },
  async () => {
    await routeTo('load');
    received = 0;
    for (const [scheme, port] of [
      ['http', gateway.port],
      ['https', gateway.tlsPort],
    ] as const) {
      const args = [
        '-n',
        '5000',
        '-c',
        '4',
        '-m',
        '32',
        '-t',
        '1',
        '--header',
        `:authority: ${host}`,
      ];
      const url = `${scheme}://${host}:${port}/`;
      const { stdout } = await run('h2load', [...args, '--connect-to', `127.0.0.1:${port}`, url], {
        timeout: 300_000,
      });
      assert.match(stdout, /status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx/);
      assert.match(stdout, /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
    }
    assert.equal(received, 10_000);
    // What is counted behind them: when it is told, so are all of theirs.
    await routeTo('behind');
    await curl([`https://${host}:${gateway.tlsPort}/`]);
    await until(() => gateway.counted('behind')[1] === 1);
    assert.deepEqual(gateway.counted('load'), [0, 10_000, 0, 0, 0, 0]);
  },
);
