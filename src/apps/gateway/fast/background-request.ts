import { EventEmitter } from 'node:events';
import type { RequestHead } from '../http1/head.ts';
import type { OctetSocket } from './octet-socket.ts';

/** What says something of the caller's own copy, or of a part of it; and what only a request with a body has. */
const notAsked = new Set([
  'host',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'cache-control',
  'expect',
  'content-length',
]);

/**
 * A GET that is sent for nobody, made to look like a connection that carries one request. What is written to it is dropped:
 * its answer is taken on its way by whoever keeps it.
 */
export class BackgroundRequest extends EventEmitter implements OctetSocket {
  readonly connecting = false;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly remoteAddress: string | undefined = undefined;
  writable = true;
  readonly #octets: Buffer;
  #isClosed = false;

  constructor(octets: Buffer, onClosed: () => void) {
    super();
    this.#octets = octets;
    this.on('close', onClosed);
  }

  /** Its connection listens now. */
  start(): void {
    this.emit('data', this.#octets);
  }

  write(): boolean {
    return true;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.#close();
  }

  destroy(): void {
    this.#close();
  }

  resetAndDestroy(): void {
    this.#close();
  }

  /** Not within the call, as with a socket. */
  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.writable = false;
    setImmediate(() => this.emit('close'));
  }
}

/** As the caller's, but a GET, whole, and without conditions. */
export function backgroundRequest(head: RequestHead, onClosed: () => void): BackgroundRequest {
  const lines = [`GET ${head.path()} HTTP/1.1`, `host: ${head.authority()}`];
  for (let index = 0; index < head.count; index += 1) {
    const name = head.name(index);
    if (head.isHop[index] !== 0 || notAsked.has(name.toLowerCase())) continue;
    lines.push(`${name}: ${head.value(index)}`);
  }
  lines.push('connection: close', '', '');
  return new BackgroundRequest(Buffer.from(lines.join('\r\n'), 'latin1'), onClosed);
}
