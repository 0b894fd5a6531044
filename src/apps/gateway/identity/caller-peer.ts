import type { SpiffeId } from '../../../domain/identity/spiffe-id.ts';
import type { RoutedRequest } from '../live-routes.ts';

/** Who is at the other end of a caller's connection, as far as a certificate proves it. */
export interface CallerPeer {
  /** Asked for each request: what a certificate proves ends with it, and with its revocation. Null: nobody known. */
  readonly id: SpiffeId | null;
  /** Why the certificate that was shown proves nothing, in words that go behind 'the client certificate'; null: it does, or none was shown. */
  readonly fault: string | null;
  /**
   * Since the epoch. From `leavesAtMs` on an answer is the connection's last, so that the caller comes again with the certificate that
   * it has by then; at `endsAtMs` the certificate ends. Infinity: there is no end.
   */
  readonly leavesAtMs: number;
  readonly endsAtMs: number;
}

/**
 * The verified identity of whoever sent a request: for what a route checks, in either engine. Null: the connection is without
 * TLS, as every one of the engine compat is, or its caller has shown no certificate, or none that proves anything.
 *
 * It is read of `request.socket`: in the fast engine that is the CallerSocket, which has it of the CallerLink the connection
 * came by, or for HTTP/2 its session. It never comes from a header: whatever a caller writes there changes nothing.
 */
export function peerIdentityOf({ socket }: Pick<RoutedRequest, 'socket'>): SpiffeId | null {
  return socket.peer?.id ?? null;
}
