import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const answer = (body: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

function answering(body: string): (socket: Socket) => void {
  return (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answer(body)));
  };
}

function listening(socket: Socket): { text: string } {
  const heard = { text: '' };
  socket.on('data', (bytes) => (heard.text += bytes.toString('latin1')));
  return heard;
}

/** Another instance beside the fixture's. */
async function instance(
  serve: (socket: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

function switchTo(fixture: EngineFixture, revisionId: string, port: number): void {
  const endpoints = [{ instanceId: `${revisionId}-1`, host: '127.0.0.1', port }];
  const backends = [{ revisionId, weightPercent: 100, endpoints }];
  const route = { service: 'svc', host: 'a', requestTimeoutMs: 60_000, backends, matches: [] };
  const version = (fixture.routes.table?.version ?? 0) + 1;
  fixture.routes.apply({ version, routes: [route] });
  fixture.engine.routesChanged();
}

test('pipelined requests around a switch of the table are answered in order, each by the table it was read under', async () => {
  const waiting: Socket[] = [];
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => waiting.push(socket));
  });
  const other = await instance(answering('new'));
  const socket = await fixture.connect();
  const heard = listening(socket);
  socket.write(get.repeat(4));
  await until(() => waiting.length === 1);
  switchTo(fixture, 'r2', other.port);
  waiting[0]?.write(answer('old'));
  await until(() => heard.text.split('HTTP/1.1 200').length === 5 && heard.text.endsWith('new'));
  const revisions = [...heard.text.matchAll(/x-tidegate-revision: (\w+)/g)].map(([, id]) => id);
  assert.deepEqual(revisions, ['r1', 'r2', 'r2', 'r2']);
  assert.deepEqual(heard.text.match(/(?<=\r\n\r\n)(?:old|new)/g), ['old', 'new', 'new', 'new']);
  assert.equal(waiting.length, 1);
  // The instance that left has no connection any more.
  await until(() => waiting[0]?.closed === true);
  socket.destroy();
  other.server.close();
});

/** Requests that are answered with an error, and leave the connection as it should be. */
const errors: readonly (readonly [name: string, request: string, status: number])[] = [
  ['an unknown host', 'GET / HTTP/1.1\r\nHost: nobody\r\n\r\n', 404],
  [
    'an unknown host, with a body',
    'POST / HTTP/1.1\r\nHost: nobody\r\ncontent-length: 5\r\n\r\nhello',
    404,
  ],
  ['an instance that hangs up', 'GET /dies HTTP/1.1\r\nHost: a\r\n\r\n', 502],
  ['an instance that says no HTTP', 'GET /babbles HTTP/1.1\r\nHost: a\r\n\r\n', 502],
  ['an error of the instance', 'GET /500 HTTP/1.1\r\nHost: a\r\n\r\n', 500],
];

for (const [name, request, status] of errors) {
  test(`after ${name} a connection is closed or serves the next request, and nothing between`, async () => {
    await using fixture = await EngineFixture.start(['a'], (socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        const path = bytes.toString('latin1').split(' ')[1];
        if (path === '/dies') socket.destroy();
        else if (path === '/babbles') socket.write('220 mail ready\r\n');
        else socket.write(path === '/500' ? answer('bad', '500 Bad') : answer('good'));
      });
    });
    const socket = await fixture.connect();
    const heard = listening(socket);
    socket.write(request);
    await until(
      () => heard.text.startsWith(`HTTP/1.1 ${status}`) && heard.text.includes('\r\n\r\n'),
    );
    if (/connection: close/.test(heard.text)) {
      await until(() => socket.closed || socket.readableEnded);
    } else {
      heard.text = '';
      socket.write(get);
      await until(() => heard.text.endsWith('good'));
      assert.match(heard.text, /^HTTP\/1\.1 200 OK/);
    }
    socket.destroy();
  });
}

test('the rest of a body that a caller broke off is no part of the next request', async () => {
  const heard: string[] = [];
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    const index = heard.push('') - 1;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard[index] += bytes.toString('latin1');
      if (heard[index]?.startsWith('GET')) socket.write(answer('good'));
    });
  });
  const aborting = await fixture.connect();
  aborting.write('POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 100\r\n\r\nhalf');
  await until(() => heard[0]?.endsWith('half') === true);
  aborting.resetAndDestroy();
  const socket = await fixture.connect();
  const received = listening(socket);
  socket.write(get);
  await until(() => received.text.endsWith('good'));
  assert.equal(heard.length, 2);
  assert.match(heard[0] ?? '', /half$/);
  assert.match(heard[1] ?? '', /^GET [^]*\r\n\r\n$/);
  socket.destroy();
});

for (const how of ['lingers', 'hangs up', 'resets'] as const) {
  test(`a refusal before the body is whole reaches the caller when the instance then ${how}`, async () => {
    await using fixture = await EngineFixture.start(['a'], (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write(answer('too much', '413 Content Too Large'), () => {
          if (how === 'hangs up') socket.end();
          // The answer has time to arrive; a reset at once may overtake it at any receiver.
          else if (how === 'resets') setTimeout(() => socket.resetAndDestroy(), 20);
        });
      });
    });
    const socket = await fixture.connect();
    const heard = listening(socket);
    const sending = setInterval(() => socket.write(Buffer.alloc(64 * 1024)), 1);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 100000000\r\n\r\n');
    await until(() => socket.closed || heard.text.endsWith('too much'));
    clearInterval(sending);
    assert.match(heard.text, /^HTTP\/1\.1 413 [^]*connection: close[^]*too much$/);
    socket.destroy();
  });
}

test('a refusal before the body is whole reaches the caller though a reset follows it at once', async () => {
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(answer('too much', '413 Content Too Large'));
      // There is more of the body to come, so this resets the connection.
      socket.destroy();
    });
  });
  for (let round = 0; round < 30; round += 1) {
    const socket = await fixture.connect();
    const heard = listening(socket);
    const sending = setInterval(() => socket.write(Buffer.alloc(64 * 1024)), 1);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 100000000\r\n\r\n');
    socket.write(Buffer.alloc(1024 * 1024));
    await until(() => socket.closed || heard.text.includes('\r\n\r\n'));
    clearInterval(sending);
    assert.match(heard.text, /^HTTP\/1\.1 413 /);
    socket.destroy();
  }
});

test('who expects 100-continue is refused before the body by the gateway, and told to go on otherwise', async () => {
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (received.endsWith('hello')) socket.write(answer('good'));
    });
  });
  const head = (host: string): string =>
    `POST / HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\ncontent-length: 5\r\n\r\n`;
  const refused = await fixture.connect();
  const refusal = listening(refused);
  refused.write(head('nobody'));
  await until(() => refused.readableEnded || refused.closed);
  assert.match(refusal.text, /^HTTP\/1\.1 404 [^]*connection: close/);
  const socket = await fixture.connect();
  const heard = listening(socket);
  socket.write(head('a'));
  await until(() => heard.text === 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('hello');
  await until(() => heard.text.endsWith('good'));
  assert.match(heard.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  refused.destroy();
  socket.destroy();
});

const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n';
const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n';

test('a tunnel is open in a drain until the last request has ended, and what was sent into it arrives', async () => {
  const waiting: Socket[] = [];
  let tunnel: Socket | null = null;
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      if (!/upgrade/i.test(bytes.toString('latin1'))) {
        waiting.push(socket);
        return;
      }
      tunnel = socket;
      socket.write(switching);
      socket.on('data', (data) => socket.write(data));
    });
  });
  const socket = await fixture.connect();
  const heard = listening(socket);
  socket.write(upgrade);
  await until(() => heard.text.startsWith('HTTP/1.1 101'));
  const slow = await fixture.connect();
  const slowHeard = listening(slow);
  slow.write(get);
  await until(() => waiting.length === 1);
  const drained = fixture.engine.drain(60_000);
  socket.write('still open');
  await until(() => heard.text.endsWith('still open'));
  waiting[0]?.write(answer('good'));
  await until(() => slowHeard.text.endsWith('good'));
  await drained;
  await until(() => socket.closed && tunnel?.closed === true);
});
