import type { TLSSocket } from 'node:tls';
import { renewsFromMs } from '../../../domain/identity/authority-schedule.ts';
import type { SpiffeId } from '../../../domain/identity/spiffe-id.ts';
import type { CallerPeer } from './caller-peer.ts';
import type { GatewayIdentity } from './gateway-identity.ts';
import { chainFault, readSvid, type Svid, svidFault } from './svid.ts';

/** What a caller has shown of itself in a handshake in which it was asked to. */
export function tlsPeer(socket: TLSSocket, identity: GatewayIdentity): CallerPeer {
  const certificate = socket.getPeerX509Certificate();
  const { own } = identity;
  if (certificate === undefined || own === null) return nobody;
  if (!socket.authorized) return new FaultyPeer(chainFault(codeOf(socket.authorizationError)));
  const read = readSvid(certificate, own.svid.id.trustDomain);
  return read.kind === 'fault' ? new FaultyPeer(read.fault) : new TlsPeer(read.svid, identity);
}

const nobody: CallerPeer = { id: null, fault: null, leavesAtMs: Infinity, endsAtMs: Infinity };

class FaultyPeer implements CallerPeer {
  readonly id = null;
  readonly fault: string;
  readonly leavesAtMs = Infinity;
  readonly endsAtMs = Infinity;

  constructor(fault: string) {
    this.fault = fault;
  }
}

/** A connection outlives what proves whose it is by nothing: each request asks anew whether the certificate is still good. */
class TlsPeer implements CallerPeer {
  readonly leavesAtMs: number;
  readonly endsAtMs: number;
  readonly #svid: Svid;
  readonly #identity: GatewayIdentity;

  constructor(svid: Svid, identity: GatewayIdentity) {
    this.#svid = svid;
    this.#identity = identity;
    this.endsAtMs = svid.notAfterMs;
    // Its holder has had a new one for a while by then.
    const renewedAtMs = renewsFromMs(svid.notBeforeMs, svid.notAfterMs);
    this.leavesAtMs = (renewedAtMs + svid.notAfterMs) / 2;
  }

  get id(): SpiffeId | null {
    return this.fault === null ? this.#svid.id : null;
  }

  get fault(): string | null {
    return svidFault(this.#svid, this.#identity.denied, Date.now());
  }
}

/** Node's types say Error; what it sets is the code. */
function codeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : '';
}
