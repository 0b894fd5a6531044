import type { HeaderMatch } from '../../release/revision.ts';

/** Requests with this header reach the standby of their host while there is one; they are matched, so no evidence. */
export const previewHeader: HeaderMatch = { name: 'x-tidegate-preview', value: 'standby' };

/** Where a service's standby can be reached besides, while there is one. */
export function previewHost(host: string): string {
  return `preview.${host}`;
}
