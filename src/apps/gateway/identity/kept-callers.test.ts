import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { CertifiedKey } from '../../../adapters/authority/make-certificate.ts';
import { MtlsFixture } from './mtls.fixture.ts';

/** Less than what an idle connection is kept for in any case (75 s). */
const boundMs = 50_000;
/** A handshake and a request are over by then on a very slow machine, too. */
const lifeMs = 10_000;

function session({ tlsPort, bundlePem: ca }: MtlsFixture, shown: CertifiedKey): ClientHttp2Session {
  const { certificatePem: cert, keyPem: key } = shown;
  const servername = 'svc.localhost';
  const made = connectHttp2(`https://127.0.0.1:${tlsPort}`, { servername, ca, cert, key });
  made.on('error', () => {});
  return made;
}

async function statusOn(held: ClientHttp2Session): Promise<unknown> {
  const stream = held.request({ ':authority': 'svc.localhost' });
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
  stream.resume();
  await once(stream, 'close');
  return headers[':status'];
}

test('a session of HTTP/2 that is kept is refused from the moment its certificate is revoked', async () => {
  await using fixture = await MtlsFixture.start();
  for (const mode of ['strict', 'permissive', 'off'] as const) {
    fixture.route(mode, [await fixture.plainInstance()]);
    const caller = await fixture.issue();
    const held = session(fixture, caller);
    assert.equal(await statusOn(held), 200);
    await fixture.revoke(caller.certificatePem);
    assert.equal(await statusOn(held), mode === 'off' ? 200 : 403);
    held.destroy();
  }
});

test('idle connections are closed when the certificate of their caller ends', async () => {
  await using fixture = await MtlsFixture.start();
  fixture.route('strict', [await fixture.plainInstance()]);
  const validity = { notBeforeMs: Date.now() - 1000, notAfterMs: Date.now() + lifeMs };
  const shown = await fixture.issue({ validity });
  // Nothing is asked on them, so nothing asks them to leave before.
  const held = session(fixture, shown);
  await once(held, 'remoteSettings');
  const { certificatePem: cert, keyPem: key } = shown;
  const where = { host: '127.0.0.1', port: fixture.tlsPort, servername: 'svc.localhost' };
  const socket = connect({ ...where, ca: fixture.bundlePem, cert, key });
  await once(socket, 'secureConnect');
  socket.resume();
  const signal = AbortSignal.timeout(boundMs);
  const closings = [held, socket].map(async (each) => {
    if (!each.destroyed) await once(each, 'close', { signal });
  });
  await Promise.all(closings);
});
