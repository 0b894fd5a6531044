import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, realpath } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { clockOfTests as clock, StateFolder } from './authority.fixture.ts';
import { certificatesIn, checkGiven } from './authority-record.ts';
import { madeAuthority } from './intermediate.fixture.ts';
import { svidFiles } from './svid-folder.ts';
import { SvidKeeper } from './svid-keeper.ts';

const cart = { instanceId: 'cart-1', service: 'cart' };
const wish = { trustDomain: 'shop.example', svidLifeMs: 3_600_000 };

interface Held {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

async function heldIn(state: StateFolder): Promise<Held> {
  const place = await realpath(join(state.path, 'identity', 'instances', 'cart-1', 'current'));
  const file = (name: string): Promise<string> => readFile(join(place, name), 'utf8');
  const { certificate, key, bundle } = svidFiles;
  return { cert: await file(certificate), key: await file(key), ca: await file(bundle) };
}

/** Both show and verify; null: they trust each other. */
async function handshakeFault(one: Held, other: Held): Promise<string | null> {
  const server = createServer({ ...one, requestCert: true, rejectUnauthorized: false });
  const seen = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({
    ...other,
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    rejectUnauthorized: false,
  });
  client.on('error', () => {});
  const connected = once(client, 'secureConnect');
  const [socket] = await seen;
  await connected;
  const faults = [socket.authorized ? '' : String(socket.authorizationError)];
  if (!client.authorized) faults.push(String(client.authorizationError));
  client.destroy();
  socket.destroy();
  server.close();
  const text = faults.filter((fault) => fault !== '').join();
  return text === '' ? null : text;
}

test('an intermediate of an own root signs, goes with its certificates, and is rotated with overlap', async () => {
  await using state = await StateFolder.make();
  const root = await madeAuthority('root', 2);
  const between = await madeAuthority('between', 1, root);
  const first = await madeAuthority('first', 0, between);
  const given = {
    chainPem: first.pem + between.pem,
    keyPem: first.keyPem,
    rootsPem: root.pem,
  };
  const nowMs = Date.now();
  await state.authority.init({ ...wish, given, nowMs });
  const keeper = await SvidKeeper.open({ stateFolder: state.path, clock, log: () => {} });
  await keeper.grant(cart);
  const before = await heldIn(state);
  // What signs, and what is between it and the root; the root is the other side's to have.
  assert.deepEqual(
    certificatesIn(before.cert).map(({ issuer }) => issuer),
    ['CN=first', 'CN=between', 'CN=root'],
  );
  assert.deepEqual(
    certificatesIn(before.ca).map(({ subject }) => subject),
    ['CN=root'],
  );
  assert.equal(await handshakeFault(before, before), null);

  const otherRoot = await madeAuthority('other root', 1);
  const second = await madeAuthority('second', 0, otherRoot);
  const next = { chainPem: second.pem, keyPem: second.keyPem, rootsPem: otherRoot.pem };
  const { signsFromMs } = await state.authority.rotate(next, nowMs);
  // It is trusted before it signs.
  await keeper.grant(cart);
  const during = await heldIn(state);
  assert.equal(certificatesIn(during.ca).length, 2);
  assert.equal(certificatesIn(during.cert)[0]?.issuer, 'CN=first');
  assert.equal(await handshakeFault(before, during), null);
  const later = { ...clock, nowMs: () => signsFromMs };
  const successor = await SvidKeeper.open({ stateFolder: state.path, clock: later, log: () => {} });
  await successor.grant({ ...cart, instanceId: 'cart-1' });
  const after = await heldIn(state);
  assert.equal(certificatesIn(after.cert)[0]?.issuer, 'CN=second');
  assert.equal(certificatesIn(after.ca).length, 2);
});

test('files in a wrong order, or with a link missing, are refused with what is wrong', async () => {
  const root = await madeAuthority('root', 2);
  const between = await madeAuthority('between', 1, root);
  const { pem, keyPem } = await madeAuthority('first', 0, between);
  const elsewhere = await madeAuthority('elsewhere', 2);
  const rows: readonly (readonly [chain: string, roots: string, why: RegExp | null])[] = [
    [pem + between.pem, root.pem, null],
    [pem + between.pem + root.pem, root.pem, null],
    [
      pem,
      between.pem,
      /have no root: CN=between is signed by CN=root, whose certificate is wanted/,
    ],
    [between.pem + pem, root.pem, /in a wrong order: the one that the key is of comes first/],
    [root.pem + between.pem + pem, root.pem, /in a wrong order/],
    [pem, root.pem, /leads to none of the roots: its issuer \(CN=between\)/],
    [pem + root.pem, root.pem, /leads to none of the roots: its issuer \(CN=between\)/],
    [pem + between.pem, elsewhere.pem, /leads to none of the roots: its issuer \(CN=root\)/],
    [pem + between.pem, '', /no root in PEM/],
    [between.pem, root.pem, /not the one of the first certificate/],
  ];
  for (const [chainPem, rootsPem, why] of rows) {
    const checked = checkGiven({ chainPem, keyPem, rootsPem }, Date.now());
    if (why === null) assert.equal(checked.kind, 'fit');
    else {
      assert.ok(checked.kind === 'unfit');
      assert.match(checked.reason, why);
    }
  }
});
