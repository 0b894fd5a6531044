/**
 * `node rotating-instance.ts FOLDER`, forked: an instance that takes nobody without a certificate of the bundle, and renews its
 * own. Sends its port, and its counts whenever it hears anything.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { RotatingHolder } from './rotating-holder.ts';

export interface InstanceCounts {
  readonly requests: number;
  /** Of its own, and of those that the gateway has shown. */
  readonly certificates: number;
  readonly shownByGateway: number;
}

/** A connection is kept for so many, so that there are handshakes with each certificate. */
const requestsPerConnection = 50;

let requests = 0;
const shown = new Set<string>();
const holder = await RotatingHolder.of(process.argv[2] ?? '', (tls) =>
  server.setSecureContext(tls),
);
const server = createServer({ ...holder.tls, requestCert: true, rejectUnauthorized: true });
server.maxRequestsPerSocket = requestsPerConnection;
server.keepAliveTimeout = 60_000;
server.on('secureConnection', (socket: TLSSocket) => {
  shown.add(socket.getPeerX509Certificate()?.serialNumber ?? '');
});
server.on('request', (_incoming, response) => {
  requests += 1;
  response.end('ok');
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('message', () => {
  const counts: InstanceCounts = {
    requests,
    certificates: holder.certificates,
    shownByGateway: shown.size,
  };
  process.send?.(counts);
});
// Nobody is left to ask it.
process.on('disconnect', () => process.exit());
