import type { Endpoint } from '../../domain/traffic/routing/route-table.ts';
import { https } from '../../domain/traffic/routing/route-table.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { WorkloadIdentities } from '../../ports/workload-identities.ts';
import type { InstanceRecord } from './instance-record.ts';

type Owner = Pick<InstanceRecord, 'id' | 'revision'>;

/** The variables that name an instance's certificate; none where it has none. Rejects with PlatformError. */
export async function identityVariables(
  identities: WorkloadIdentities | null,
  { id, revision }: Owner,
): Promise<Readonly<Record<string, string>>> {
  if (revision.hasIdentity !== true) return {};
  try {
    if (identities === null) throw new Error('this platform has no certificate authority');
    return await identities.grant({ instanceId: id, service: revision.service });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot start ${id}: it can have no certificate: ${why}`;
    // Somebody may mend the authority's folder.
    throw new PlatformError('start-failed', message, { retryable: true, cause });
  }
}

/** Whose certificate the gateway has to see at an instance that speaks https. */
export function endpointIdentity(
  identities: WorkloadIdentities | null,
  { revision }: Owner,
): Pick<Endpoint, 'identity'> {
  if (revision.appProtocol !== https || identities === null) return {};
  return { identity: identities.idOf(revision.service) };
}

/** For `Instance`. */
export function certificateEnd(
  identities: WorkloadIdentities | null,
  instanceId: string,
): { readonly certificateEndsAtMs?: number } {
  const endsAtMs = identities?.endsAtMs(instanceId) ?? null;
  return endsAtMs === null ? {} : { certificateEndsAtMs: endsAtMs };
}
