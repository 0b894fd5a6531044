import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { boundMs, until } from '../gateway-fixture.ts';
import { CertificateFolder } from './certificate.fixture.ts';
import { Certificates } from './certificates.ts';
import { TlsAcceptor } from './tls-acceptor.ts';
import { type HandshakeLimits, usualHandshakeLimits } from './tls-settings.ts';

/** An acceptor with limits of its own, and how many callers it has greeted. */
async function start(limits: HandshakeLimits) {
  const folder = await CertificateFolder.make({ a: ['a.test'] });
  const certificates = new Certificates({
    folder: folder.path,
    pairs: [],
    defaultName: null,
    log: () => {},
  });
  await certificates.reload();
  const accepted: Socket[] = [];
  let greeted = 0;
  const acceptor = new TlsAcceptor(
    certificates,
    ({ socket }) => {
      greeted += 1;
      socket.destroy();
    },
    { limits },
  );
  const server = createServer((socket) => {
    accepted.push(socket);
    acceptor.accept(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    accepted,
    greeted: () => greeted,
    silent: async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      const before = accepted.length;
      socket.on('error', () => {});
      socket.resume();
      await until(() => accepted.length > before);
      return socket;
    },
    greet: async (): Promise<void> => {
      const ca = folder.authority.pem;
      const socket = connectTls({ host: '127.0.0.1', port, servername: 'a.test', ca });
      socket.on('error', () => {});
      await until(() => socket.closed);
    },
    [Symbol.asyncDispose]: async () => {
      acceptor.close();
      server.close();
      certificates[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a caller that begins no handshake, or ends none, is let go', async () => {
  await using place = await start({ ...usualHandshakeLimits, handshakeMs: 2000 });
  const silent = await place.silent();
  const begun = await place.silent();
  // The head of a record of a ClientHello (RFC 8446 section 5.1), and no more of it.
  begun.write(Buffer.from([22, 3, 1, 2, 0, 1]));
  await until(() => silent.closed && begun.closed);
  await place.greet();
  assert.equal(place.greeted(), 1);
});

test('handshakes beyond the bound are cut at once, and there is room again when one has ended', async () => {
  await using place = await start({ handshakeMs: 10 * boundMs, handshakesMax: 2 });
  const [first, second] = [await place.silent(), await place.silent()];
  const third = await place.silent();
  await until(() => third.closed);
  assert.deepEqual([first.closed, second.closed], [false, false]);
  await place.greet();
  assert.equal(place.greeted(), 0);
  first.destroy();
  await until(() => place.accepted[0]?.closed === true);
  await place.greet();
  assert.equal(place.greeted(), 1);
  second.destroy();
});

test('the usual bounds are those of the guide', () => {
  assert.deepEqual(usualHandshakeLimits, { handshakeMs: 10_000, handshakesMax: 1024 });
});
