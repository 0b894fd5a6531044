import type { AccessRecord } from './access-line.ts';

/** Of a connection or request that was refused before it was understood: nothing that the caller has sent is told. */
export function refusedRecord(
  clientAddress: string,
  { status, reason }: { readonly status: number; readonly reason: string },
  isSecure: boolean,
): AccessRecord {
  return {
    endedAtMs: Date.now(),
    durationMs: 0,
    method: null,
    methodText: '',
    isSecure,
    target: null,
    authority: null,
    protocolVersion: null,
    clientAddress,
    userAgent: null,
    status,
    error: reason,
    fault: null,
    access: null,
    requestBodyBytes: 0,
    responseBodyBytes: 0,
    destination: null,
    trace: null,
  };
}
