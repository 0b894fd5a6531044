import { X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../../domain/traffic/routing/route-table.ts';
import type { GatewayIdentity } from './identity/gateway-identity.ts';
import { readSvid, type Svid, svidFault } from './identity/svid.ts';

/** A connection to an instance that is to show who it is. */
export interface InstanceTls {
  /** 'secureConnect' when it is connected and verified; null: it fails, and `socket` says why. */
  readonly tls: TLSSocket | null;
  readonly socket: Socket;
  /** Asked before each request: both certificates are good still. */
  readonly isGood: () => boolean;
}

/**
 * Connects with the gateway's certificate. The instance's has to be of an authority that is trusted, and of the identity that the
 * endpoint says, whatever address it is reached by.
 */
export function connectTls(
  { host, port, identity: wanted = '' }: Endpoint,
  identity: GatewayIdentity | null,
): InstanceTls {
  const own = identity?.own ?? null;
  if (identity === null || own === null) return failed('the gateway has no certificate of its own');
  const nowMs = Date.now();
  if (own.svid.notAfterMs < nowMs) return failed("the gateway's own certificate has ended");
  let instance: Svid | null = null;
  const tls = connect({
    host,
    port,
    secureContext: own.clientContext,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
    checkServerIdentity: (_name, { raw }: PeerCertificate) => {
      const read = readSvid(new X509Certificate(raw), own.svid.id.trustDomain);
      const fault = read.kind === 'fault' ? read.fault : faultOf(read.svid, wanted, identity);
      if (read.kind === 'svid') instance = read.svid;
      return fault === null ? undefined : new Error(`its certificate ${fault}`);
    },
  });
  tls.setNoDelay(true);
  return {
    tls,
    socket: tls,
    isGood: () => {
      const atMs = Date.now();
      if (instance === null || own.svid.notAfterMs < atMs) return false;
      return svidFault(instance, identity.denied, atMs) === null;
    },
  };
}

function faultOf(svid: Svid, wanted: string, { denied }: GatewayIdentity): string | null {
  if (svid.id.text !== wanted) return `is of ${svid.id.text}, and not of ${wanted}`;
  return svidFault(svid, denied, Date.now());
}

function failed(why: string): InstanceTls {
  const socket = new Socket();
  // Whoever gets it listens by then.
  process.nextTick(() => socket.destroy(new Error(why)));
  return { tls: null, socket, isGood: () => false };
}
