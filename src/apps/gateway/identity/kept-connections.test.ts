import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MtlsFixture, serviceId } from './mtls.fixture.ts';

/** In a thread of its own, so that an answer can be here before the gateway's turn is over, as it is on a real machine. */
const instanceProgram = `
const { parentPort, workerData } = require('node:worker_threads');
let connections = 0;
const server = require('node:https').createServer(
  { ...workerData, requestCert: true, rejectUnauthorized: true, keepAliveTimeout: 600_000 },
  (incoming, response) => response.end('{"detail":"ok"}'),
);
server.on('secureConnection', () => { connections += 1; });
parentPort.on('message', () => parentPort.postMessage(connections));
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const callers = 4;
const requestsEach = 40;

test('connections to an instance that speaks TLS are kept, however fast it answers', async () => {
  await using fixture = await MtlsFixture.start();
  const { certificatePem: cert, keyPem: key } = await fixture.issue({ id: serviceId });
  const workerData = { cert, key, ca: fixture.bundlePem };
  const instance = new Worker(instanceProgram, { eval: true, workerData });
  const said = async (): Promise<number> => Number((await once(instance, 'message'))[0]);
  const port = await said();
  const secure = { appProtocol: 'https', identity: serviceId.text } as const;
  fixture.route('permissive', [{ instanceId: 'i', host: '127.0.0.1', port, ...secure }]);
  const calling = Array.from({ length: callers }, async () => {
    for (let each = 0; each < requestsEach; each += 1) {
      assert.equal((await fixture.plain()).status, 200);
    }
  });
  await Promise.all(calling);
  instance.postMessage('how many?');
  const connections = await said();
  await instance.terminate();
  assert.ok(connections <= callers, `${connections} connections for ${callers} callers`);
});
