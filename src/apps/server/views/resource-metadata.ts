import { createHash } from 'node:crypto';

import { defaultNamespace } from '../../../domain/identity/access-action.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';

export interface ResourceMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Of the service itself, or of a rollout of it: one decision about the service is a version of both. */
export function resourceMetadata(
  kind: 'Service' | 'Rollout',
  name: string,
  state: Pick<ServiceState, 'recordCount'>,
): ResourceMetadata {
  return {
    name,
    namespace: defaultNamespace,
    uid: nameUuid(`${kind}/${defaultNamespace}/${name}`),
    resourceVersion: resourceVersionOf(state),
  };
}

export function resourceVersionOf({ recordCount }: Pick<ServiceState, 'recordCount'>): string {
  return String(recordCount);
}

/** RFC 9562 section 5.8: names are never given twice, so the name's digest is as unique. */
function nameUuid(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x80, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
