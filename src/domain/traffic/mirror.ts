/**
 * Copies of requests for a revision that has no users yet, or few (shadow traffic; HTTPRequestMirrorFilter of the Gateway API
 * v1). The caller gets the answer of whoever was chosen, and never waits for the copy's; that one is read and dropped.
 */
export interface MirrorRule {
  /** Gets the copies; of requests to other revisions only. A backend of the route. */
  readonly revisionId: string;
  /** A multiple of 0.1 in (0, 100]. */
  readonly percent: number;
  /** Absent: GET, HEAD and OPTIONS. The Gateway API copies all; but what is done twice by a copy is done for good. */
  readonly methods?: 'all';
}

/** Of a copy, its body included; requests with bigger ones are not copied, and counted. */
export const mirrorBodyBytesMax = 64 * 1024;

/** Whether a request by this method may be copied. */
export function isMirrored({ methods }: MirrorRule, method: string | undefined): boolean {
  return methods === 'all' || method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}
