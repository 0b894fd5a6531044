/** Services with identities on one machine: started, called with and without certificates, looked at, rotated. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeWorld, waitFor, type World } from './world.fixture.ts';

/** Answers with the identifier of whoever has asked, and asks for one. */
const program = `
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:https';
import { dirname, join } from 'node:path';
const read = () => {
  const folder = realpathSync(dirname(process.env.TIDEGATE_SVID));
  const file = (name) => readFileSync(join(folder, name));
  return { cert: file('svid.pem'), key: file('svid_key.pem'), ca: file('svid_bundle.pem') };
};
const server = createServer({ ...read(), requestCert: true, rejectUnauthorized: true }, (incoming, response) => {
  response.end(incoming.socket.getPeerX509Certificate().subjectAltName);
});
setInterval(() => server.setSecureContext(read()), 200);
server.listen(Number(process.env.PORT), '127.0.0.1');
`;

const release = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: payments }
spec:
  run: { command: [node, payments.mjs] }
  appProtocol: https
  traffic: { mtls: { mode: strict } }
`;

test('a strict service is served to who proves who it is, by instances that do so too', async () => {
  await using world = await makeWorld();
  const started = await world.run([
    ...world.upArguments,
    '--tls-listen',
    '127.0.0.1:0',
    '--tls-identity',
  ]);
  assert.equal(started.code, 0, started.stderr);
  await writeFile(join(world.folder, 'payments.mjs'), program);
  await writeFile(join(world.folder, 'payments.yaml'), release);
  const applied = await world.run(['apply', '-f', 'payments.yaml', '--wait', '--timeout', '120s']);
  assert.equal(applied.code, 0, applied.stderr);

  assert.equal(await plainStatus(world), 403);
  const own = await ownFiles(world);
  const tlsPort = await tlsPortOf(world);
  const answer = await waitFor('the gateway has its certificate', async () => {
    const seen = await call(tlsPort, own).catch(() => null);
    return seen?.status === 200 ? seen : null;
  });
  assert.match(answer.text, /URI:spiffe:\/\/tidegate\.local\/ns\/tidegate\/sa\/gateway/);
  const stranger = await call(tlsPort, { ca: own.ca });
  assert.equal(stranger.status, 403);
  assert.match(stranger.text, /mtls-required|wants a client certificate/);

  const described = await world.run(['describe', 'payments']);
  assert.match(described.stdout, /mTLS:\s+mode strict/);
  assert.match(described.stdout, /Certificates:\s+1 of instances, the first ends at/);
  await rotated(world, own.serial, tlsPort);
  await noKeyIsTold(world);
});

async function rotated(world: World, serial: string, tlsPort: number): Promise<void> {
  const rotate = await world.run(['ca', 'rotate', '-o', 'json']);
  assert.equal(rotate.code, 0, rotate.stderr);
  const shown = await world.run(['ca', 'show', '-o', 'json']);
  const view = JSON.parse(shown.stdout) as {
    readonly authorities: readonly { readonly state: string }[];
  };
  assert.deepEqual(
    view.authorities.map(({ state }) => state),
    ['signs', 'to come'],
  );
  // With the new bundle comes another certificate; calls go on.
  const own = await waitFor('another certificate', async () => {
    const now = await ownFiles(world);
    return now.serial === serial ? null : now;
  });
  assert.equal((await call(tlsPort, own)).status, 200);
  const trust = await world.run(['ca', 'trust']);
  assert.equal(trust.stdout.match(/BEGIN CERTIFICATE/g)?.length, 2);
  const revoke = await world.run(['ca', 'revoke', own.serial, '--reason', 'a trial']);
  assert.equal(revoke.code, 0, revoke.stderr);
  await waitFor('the gateway refuses it', async () =>
    (await call(tlsPort, own)).status === 403 ? true : null,
  );
}

async function plainStatus({ ports }: World): Promise<number> {
  const headers = { host: 'payments.localhost' };
  const outgoing = requestPlain({ host: '127.0.0.1', port: ports.gateway, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

/** Of the one instance. */
async function ownFiles(world: World) {
  const root = join(world.stateFolder, 'identity', 'instances');
  const [id = ''] = await readdir(root);
  const folder = await realpath(join(root, id, 'current'));
  const file = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const serial = /version-(\w+)$/.exec(folder)?.[1] ?? '';
  return {
    cert: await file('svid.pem'),
    key: await file('svid_key.pem'),
    ca: await file('svid_bundle.pem'),
    serial,
  };
}

async function tlsPortOf(world: World): Promise<number> {
  const log = await readFile(join(world.stateFolder, 'gateway.log'), 'utf8');
  return Number(/serving TLS on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
}

async function call(
  port: number,
  credentials: { readonly ca: string; readonly cert?: string; readonly key?: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const host = 'payments.localhost';
  const { ca, cert, key } = credentials;
  const client = cert === undefined || key === undefined ? {} : { cert, key };
  const outgoing = request({
    host: '127.0.0.1',
    port,
    servername: host,
    headers: { host },
    agent: false,
    ca,
    ...client,
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  return { status: response.statusCode ?? 0, text };
}

/** A key's first line of Base64 that is its own: the lines before are the same for all. */
async function noKeyIsTold(world: World): Promise<void> {
  const { key } = await ownFiles(world);
  const secret = key.split('\n')[2] ?? '';
  assert.ok(secret.length > 20);
  const logs = await readFile(join(world.stateFolder, 'gateway.log'), 'utf8');
  const events = await world.run(['ledger', 'export', 'audit']);
  assert.equal(events.code, 0, events.stderr);
  for (const name of await readdir(join(world.folder, 'audit'), { recursive: true })) {
    const text = await readFile(join(world.folder, 'audit', name), 'utf8').catch(() => '');
    assert.ok(!text.includes(secret), name);
  }
  assert.ok(!logs.includes(secret));
}
