import { RequestHead, ResponseHead } from '../http1/head.ts';
import { known } from '../http1/known-headers.ts';
import { trailersHead } from '../http1/trailers.ts';

/**
 * What all streams of a thread share, as `Parts` is for connections: filled and used within one call. Apart from those of
 * the engine, which is in the midst of its own message when it writes to a stream.
 */
export const streamParts = {
  requestHead: new RequestHead(),
  requestTrailers: trailersHead(),
  responseHead: new ResponseHead(),
  responseTrailers: trailersHead(),
} as const;

/** Framing and neighbours are HTTP/2's own matter (RFC 9113 section 8.2.2). */
export function isOfHttp1(id: number): boolean {
  return id === known.transferEncoding || id === known.connection || id === known.host;
}

/** An answer or request that is all written, but not all taken, may take so long. */
export const lingerMs = 60_000;
