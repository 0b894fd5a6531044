import type { MutualTls } from '../../../domain/traffic/resilience/traffic-policy.ts';
import type { RoutedRequest } from '../live-routes.ts';
import type { Refusal } from '../refusal.ts';

/**
 * Whether a service with mutual TLS takes a request by what its caller has shown. Null: it does.
 *
 * A certificate that proves nothing is refused in either mode: who says who it is and is not, is no stranger. 403 and not 421: another
 * connection of the same caller would do no better.
 */
export function mtlsRefusal({ mode }: MutualTls, { socket }: RoutedRequest): Refusal | null {
  const { peer = null } = socket;
  const fault = peer?.fault ?? null;
  if (fault !== null) {
    return { status: 403, reason: 'peer-unverified', detail: `the client certificate ${fault}` };
  }
  if (mode === 'permissive' || (peer !== null && peer.id !== null)) return null;
  const missing = peer === null ? 'this connection is without TLS' : 'none was shown';
  const detail = `this service wants a client certificate, and ${missing}`;
  return { status: 403, reason: 'mtls-required', detail };
}
