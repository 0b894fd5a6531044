/**
 * What the engine asks of a connection. `net.Socket` and `tls.TLSSocket` are such; a stream of HTTP/2 is made to look like
 * one (src/apps/gateway/http2), so that all that happens to a request happens in one place whatever it came by.
 */
export interface OctetSocket {
  readonly connecting: boolean;
  readonly writable: boolean;
  /** Octets that were written and wait; above 0, what was written last is still needed. */
  readonly writableLength: number;
  /** The other side has had enough, until 'drain'. */
  readonly writableNeedDrain: boolean;
  readonly remoteAddress?: string | undefined;
  write(bytes: Buffer | string): boolean;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  destroy(error?: Error): unknown;
  resetAndDestroy(): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'connect' | 'drain' | 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}
