import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { TlsFixture } from './tls.fixture.ts';

/** Answers with the head that it got. */
function echo(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${chunk.length}\r\n\r\n`);
    socket.write(chunk);
  });
}

function start(pairs: Readonly<Record<string, readonly string[]>>): Promise<TlsFixture> {
  return TlsFixture.start({ pairs, hosts: ['a.test', 'b.test', 'x.b.test'], serve: echo });
}

async function ask(socket: TLSSocket, host: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let text = '';
  while (!/\r\n\r\n[^]*\r\n\r\n|\}\n/.test(text)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
  return text;
}

function shownName(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subjectaltname);
}

interface SniRow {
  readonly name: string;
  readonly serverName: string;
  readonly shown: string;
}

const sniRows: readonly SniRow[] = [
  { name: 'a name that a certificate has', serverName: 'b.test', shown: 'DNS:b.test' },
  { name: 'in capitals', serverName: 'B.Test', shown: 'DNS:b.test' },
  { name: 'before a wildcard', serverName: 'x.b.test', shown: 'DNS:x.b.test' },
  { name: 'one label under a wildcard', serverName: 'y.b.test', shown: 'DNS:*.b.test' },
  { name: 'two labels under a wildcard', serverName: 'z.y.b.test', shown: 'DNS:fallback.test' },
  { name: 'a name that none has', serverName: 'c.test', shown: 'DNS:fallback.test' },
  { name: 'no name', serverName: '', shown: 'DNS:fallback.test' },
];

test('the certificate is chosen by name, then wildcard, then default', async () => {
  await using fixture = await start({
    b: ['b.test'],
    wild: ['*.b.test'],
    x: ['x.b.test'],
    default: ['fallback.test'],
  });
  for (const { name, serverName, shown } of sniRows) {
    const options: ConnectionOptions = { checkServerIdentity: () => undefined };
    const socket = await fixture.connect(serverName, options);
    assert.equal(shownName(socket), shown, name);
    socket.destroy();
  }
});

test('without a default, a name that no certificate has is not recognized', async () => {
  await using fixture = await start({ a: ['a.test'] });
  await assert.rejects(fixture.connect('b.test'), /unrecognized name/);
  await assert.rejects(fixture.connect(''), /handshake failure/);
});

test('callers over TLS are served as strictly as others, and instances hear of https', async () => {
  await using fixture = await start({ a: ['a.test'] });
  const socket = await fixture.connect('a.test');
  assert.match(await ask(socket, 'a.test'), /x-forwarded-proto: https\r\n/);
  assert.match(await ask(socket, 'a.test:7443'), /x-forwarded-host: a.test:7443\r\n/);
  socket.write('GET / HTTP/1.1\nHost: a.test\n\n');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  assert.match(chunk.toString(), /^HTTP\/1.1 400 .*a line must end in CR LF/s);
});

test('a host that the certificate does not cover is misdirected', async () => {
  await using fixture = await start({ a: ['a.test'], b: ['b.test', '*.b.test'] });
  const asked: readonly (readonly [string, string, number])[] = [
    ['a.test', 'a.test', 200],
    ['a.test', 'b.test', 421],
    ['b.test', 'x.b.test', 200],
    ['b.test', 'y.x.b.test', 421],
    ['b.test', 'none.b.test', 404],
    ['b.test', '127.0.0.1', 421],
  ];
  for (const [serverName, host, status] of asked) {
    const socket = await fixture.connect(serverName);
    const answer = await ask(socket, host);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), `${host} on ${serverName}`);
    socket.destroy();
  }
});

test('TLS 1.1 and weak ciphers are refused', async () => {
  await using fixture = await start({ a: ['a.test'] });
  const old: ConnectionOptions = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL@SECLEVEL=0',
  };
  await assert.rejects(fixture.connect('a.test', old));
  const weak: ConnectionOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' };
  await assert.rejects(fixture.connect('a.test', weak), /handshake failure/);
  const usual = await fixture.connect('a.test', { maxVersion: 'TLSv1.2' });
  assert.equal(usual.getProtocol(), 'TLSv1.2');
  usual.destroy();
});

test('HTTP/2 is chosen where both sides have it, HTTP/1.1 without ALPN', async () => {
  await using fixture = await start({ a: ['a.test'] });
  const rows: readonly (readonly [string[] | undefined, string | false])[] = [
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [undefined, false],
  ];
  for (const [offered, chosen] of rows) {
    const options = offered === undefined ? {} : { ALPNProtocols: offered };
    const socket = await fixture.connect('a.test', options);
    assert.equal(socket.alpnProtocol, chosen);
    socket.destroy();
  }
  await assert.rejects(
    fixture.connect('a.test', { ALPNProtocols: ['spdy/3'] }),
    /no application protocol/,
  );
});

test('what is no handshake is closed, and a caller after it is served', async () => {
  await using fixture = await start({ a: ['a.test'] });
  const socket = connect(fixture.tlsPort, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await once(socket, 'close');
  const other = await fixture.connect('a.test');
  assert.match(await ask(other, 'a.test'), /^HTTP\/1.1 200 /);
});
